// Loaded before the program, as @sentry/node asks for with ESM.
import * as Sentry from "@sentry/node";

Sentry.init({ dsn: process.env.SENTRY_DSN, release: "shop@1.2.3", environment: "doors", sendDefaultPii: true });
Sentry.setTag("service", "shop-web");
Sentry.setTag("region", "eu");
Sentry.setUser({ id: "7", username: "ann" });
