// The one engine of questions that are asked again: in a hidden tab it rests, after failures it waits longer, and never
// are two answers to the same question awaited.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

const page = Object.assign(new EventTarget(), { hidden: false });
const network = new EventTarget();
Object.assign(globalThis, { document: page, addEventListener: network.addEventListener.bind(network) });
const { poll, retryFailed } = await import("../../../api/parkgrid_api/web/src/polling");

/** A server that answers when it is told to. */
class Server {
  asked = 0;
  got: unknown[] = [];
  private waiting: PromiseWithResolvers<number>[] = [];

  ask = (): Promise<number> => {
    this.asked += 1;
    const answer = Promise.withResolvers<number>();
    this.waiting.push(answer);
    return answer.promise;
  };

  listener = { answer: (data: number) => this.got.push(data), failure: (error: unknown) => this.got.push(String(error)) };

  async answer(): Promise<void> {
    this.waiting.shift()?.resolve(this.asked);
    await settled();
  }

  async fail(): Promise<void> {
    this.waiting.shift()?.reject("no");
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

function hide(hidden: boolean): void {
  page.hidden = hidden;
  page.dispatchEvent(new Event("visibilitychange"));
}

let server: Server;
let stop = (): void => undefined;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  server = new Server();
});

afterEach(() => {
  stop();
  hide(false);
  mock.timers.reset();
});

test("a question is asked at once and again a pause after each answer", async () => {
  stop = poll(server.ask, 2_000, server.listener);
  assert.equal(server.asked, 1);
  await server.answer();
  mock.timers.tick(1_999);
  assert.equal(server.asked, 1);
  mock.timers.tick(1);
  assert.equal(server.asked, 2);
  assert.deepEqual(server.got, [1]);
});

test("an answer that takes long is not asked for twice", async () => {
  stop = poll(server.ask, 2_000, server.listener);
  mock.timers.tick(60_000);
  hide(true);
  hide(false);
  retryFailed();
  assert.equal(server.asked, 1);
  await server.answer();
  mock.timers.tick(2_000);
  assert.equal(server.asked, 2);
});

test("a hidden tab asks nothing, and at once when it is looked at again", async () => {
  stop = poll(server.ask, 2_000, server.listener);
  hide(true);
  await server.answer();
  mock.timers.tick(600_000);
  assert.equal(server.asked, 1);
  hide(false);
  assert.equal(server.asked, 2);
  await server.answer();
  mock.timers.tick(2_000);
  assert.equal(server.asked, 3);
});

test("a short look elsewhere asks nothing early", async () => {
  stop = poll(server.ask, 2_000, server.listener);
  await server.answer();
  mock.timers.tick(500);
  hide(true);
  hide(false);
  assert.equal(server.asked, 1);
  mock.timers.tick(1_500);
  assert.equal(server.asked, 2);
});

test("a tab that opens hidden has its first answer", async () => {
  hide(true);
  stop = poll(server.ask, 2_000, server.listener);
  assert.equal(server.asked, 1);
});

test("the pause grows with failures and is short again after an answer", async () => {
  stop = poll(server.ask, 2_000, server.listener);
  for (const pause of [2_000, 4_000, 8_000, 10_000, 10_000]) {
    const before = server.asked;
    await server.fail();
    mock.timers.tick(pause - 1);
    assert.equal(server.asked, before, `not within ${pause} ms`);
    mock.timers.tick(1);
    assert.equal(server.asked, before + 1);
  }
  await server.answer();
  mock.timers.tick(2_000);
  assert.equal(server.asked, 7);
  assert.deepEqual(server.got, ["no", "no", "no", "no", "no", 6]);
});

test("a long pause does not grow", async () => {
  stop = poll(server.ask, 60_000, server.listener);
  await server.fail();
  await server.fail();
  mock.timers.tick(60_000);
  assert.equal(server.asked, 2);
});

for (const [event, happen] of [["the server", retryFailed], ["the network", () => network.dispatchEvent(new Event("online"))]] as const) {
  test(`what failed is asked again when ${event} is back, what did not is not`, async () => {
    const other = new Server();
    const stopOther = poll(other.ask, 60_000, other.listener);
    stop = poll(server.ask, 60_000, server.listener);
    await other.answer();
    await server.fail();
    happen();
    assert.deepEqual([server.asked, other.asked], [2, 1]);
    stopOther();
  });
}

test("what is stopped asks and tells nothing more", async () => {
  stop = poll(server.ask, 2_000, server.listener);
  stop();
  await server.answer();
  mock.timers.tick(60_000);
  hide(true);
  hide(false);
  assert.deepEqual([server.asked, server.got], [1, []]);
});

test("a question that stops itself in its answer is not asked again", async () => {
  stop = poll(server.ask, 2_000, { ...server.listener, answer: () => stop() });
  await server.answer();
  mock.timers.tick(60_000);
  assert.equal(server.asked, 1);
});

test("a pause of nothing asks once", async () => {
  stop = poll(server.ask, 0, server.listener);
  await server.fail();
  mock.timers.tick(60_000);
  retryFailed();
  hide(true);
  hide(false);
  assert.equal(server.asked, 1);
});
