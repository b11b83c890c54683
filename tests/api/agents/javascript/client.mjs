// The official TypeScript clients list, call, follow and cancel: the one of the handshake, and the one of both versions.
import assert from "node:assert/strict";
import { Client as Old } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OldTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, key, which] = process.argv.slice(2);
const requestInit = { headers: { Authorization: `Bearer ${key}` } };
const name = { name: "test", version: "1" };
const client = which === "old" ? new Old(name) : new Client(name, which === "new" ? { versionNegotiation: { mode: { pin: "2026-07-28" } } } : {});
const Transport = which === "old" ? OldTransport : StreamableHTTPClientTransport;
await client.connect(new Transport(new URL(url), { requestInit }));

// the old one takes a schema of the result before its options
const call = (params, options) => (which === "old" ? client.callTool(params, undefined, options) : client.callTool(params, options));

const { tools } = await client.listTools();
assert.equal(tools.length, 6);
const failing = await call({ name: "what_is_failing", arguments: {} });
assert.ok(failing.structuredContent.rows.length > 0);
const pattern = failing.structuredContent.rows[0][0];
const explained = await call({ name: "explain_pattern", arguments: { pattern } });
const read = await client.readResource({ uri: `mayday://pattern/${explained.structuredContent.facts.id}` });
assert.match(read.contents[0].text, /<<untrusted/);
const prompt = await client.getPrompt({ name: "investigate", arguments: { pattern } });
assert.ok(prompt.messages[0].content.text.includes(pattern));
const told = [];
await call({ name: "what_changed", arguments: {} }, { onprogress: (one) => told.push(one.progress) });
assert.deepEqual(told, [1, 2]);
const aborting = new AbortController();
const cancelled = call({ name: "search_errors", arguments: { text: "declined" } }, { signal: aborting.signal });
aborting.abort("no longer wanted");
await assert.rejects(cancelled);
assert.ok((await call({ name: "explain_pattern", arguments: {} })).isError);
await client.close();
console.log("done", which);
