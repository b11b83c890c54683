// A program on Express, which asks itself for what fails, and ends.
import * as Sentry from "@sentry/node";
import express from "express";
import { ways } from "./failures.mjs";

const app = express();
app.get("/orders/:way", (request, response) => {
  Sentry.addBreadcrumb({ category: "cart", message: "item 17 added", data: { count: 2 } });
  ways[request.params.way](Sentry);
  response.send("ok");
});
Sentry.setupExpressErrorHandler(app);
app.use((error, _request, response, _next) => response.status(500).send("failed"));

const server = app.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  for (const way of Object.keys(ways)) {
    await fetch(`http://127.0.0.1:${port}/orders/${way}?token=hunter2-Xk93jQ`, {
      headers: { authorization: "Bearer hunter2-Xk93jQ" },
    });
  }
  await Sentry.flush(10000);
  process.exit(0);
});
