// The main job through openapi-fetch with the types that openapi-typescript makes: a program of its own, as a user
// writes it.
//
// `node main_job.js URL INGEST_KEY READ_KEY ADMIN_KEY EVENT_ID`; the project has one pattern. Fails on the first surprise.

import assert from "node:assert/strict";

import createClient from "openapi-fetch";

import type { components, paths } from "./schema.js";

type ErrorIn = components["schemas"]["ErrorIn"];

const [url, ingestKey, readKey, adminKey, eventId] = process.argv.slice(2) as [string, string, string, string, string];

// the whole document: JSON, not one of the forms for language models
function connect(key: string) {
  return createClient<paths, "application/json" | "application/problem+json">({
    baseUrl: url,
    headers: { Authorization: `Bearer ${key}` },
  });
}

const [ingest, read, admin] = [connect(ingestKey), connect(readKey), connect(adminKey)];

async function readErrors() {
  const recent = await read.GET("/api/errors/recent", { params: { query: { limit: 2, service: "checkout" } } });
  assert.deepEqual(recent.data?.errors.map((one) => one.service), ["checkout", "checkout"]);
  const page = await read.GET("/api/errors", { params: { query: { severity: "error", limit: 5 } } });
  const cursor = page.data?.next;
  assert.ok(cursor);
  const following = await read.GET("/api/errors", { params: { query: { severity: "error", limit: 5, cursor } } });
  const seen = new Set(page.data?.errors.map((one) => one.id));
  assert.equal(following.data?.errors.some((one) => seen.has(one.id)), false);
  const one = await read.GET("/api/errors/{event_id}", { params: { path: { event_id: eventId } } });
  assert.equal(one.data?.message, "payment 4711 failed");
}

async function resolvePattern() {
  const answer = await read.GET("/api/errors/patterns");
  const [pattern] = answer.data?.patterns ?? [];
  assert.ok(pattern);
  assert.equal(answer.data?.total, pattern.count);
  const again = await read.GET("/api/errors/patterns", {
    headers: { "If-None-Match": answer.response.headers.get("ETag") },
  });
  assert.equal(again.response.status, 304);
  const path = { pattern_id: pattern.id };
  const body = { state: "resolved", note: "stocked up" } as const;
  await admin.PATCH("/api/errors/patterns/{pattern_id}", { params: { path }, body });
  const resolved = await admin.GET("/api/errors/patterns/{pattern_id}", { params: { path } });
  assert.equal(resolved.data?.state, "resolved");
  assert.equal(resolved.data?.note, "stocked up");
}

async function sendMixedBatch() {
  const good: ErrorIn = { service: "shop", severity: "error", message: "stock is empty" };
  const bad: ErrorIn = { ...good, service: "" };
  const answer = await ingest.POST("/api/errors/batch", { body: { errors: [good, bad, good] } });
  assert.equal(answer.response.status, 207);
  assert.equal(answer.data?.count, 2);
  assert.deepEqual(answer.data?.rejected.map((one) => one.index), [1]);
  const refused = await ingest.POST("/api/errors/batch", { body: { errors: [bad] } });
  assert.equal(refused.error?.status, 422);
  assert.equal(refused.error?.type, "urn:mayday:problem:invalid");
}

async function beRefused() {
  const stranger = await connect("mistyped").GET("/api/errors/recent");
  assert.equal(stranger.error?.status, 401);
  const errors = Array<ErrorIn>(1_000).fill({ service: "shop", severity: "info", message: "again" });
  for (let tries = 0; tries < 10; tries++) {
    const answer = await ingest.POST("/api/errors/batch", { body: { errors } });
    if (answer.response.status === 429) {
      assert.ok(answer.error?.errors?.length);
      assert.ok(Number(answer.response.headers.get("Retry-After")) > 0);
      return;
    }
  }
  assert.fail("no limit was met");
}

await readErrors();
await resolvePattern();
await sendMixedBatch();
await beRefused();
