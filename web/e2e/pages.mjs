// The pages in a real browser against a running server, which should have the embedded model:
//
//	go run ./cmd/sensevoice serve &
//	cd web/e2e && npm install && node pages.mjs http://localhost:50000
//
// CHROMIUM names the browser (default: chromium in PATH), SCREENSHOTS a folder for pictures. Without a browser or playwright-core
// it says so and ends with 77, which is neither success nor failure.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const base = (process.argv[2] || "http://localhost:50000").replace(/\/$/, "");
const testdata = new URL("../../testdata/", import.meta.url);
const clips = Object.fromEntries(JSON.parse(readFileSync(new URL("clips.json", testdata))).map(c => [c.file, c]));
const clip = name => ({ name, mimeType: "audio/wav", buffer: readFileSync(new URL(name, testdata)) });

function skip(why) {
  console.error(`SKIPPED: ${why}`);
  process.exit(77);
}

const { chromium } = await import("playwright-core").catch(() => skip("no playwright-core: run npm install in web/e2e"));
let executablePath = process.env.CHROMIUM;
try { executablePath ||= execFileSync("sh", ["-c", "command -v chromium || command -v chromium-browser || command -v google-chrome"]).toString().trim(); } catch { skip("no chromium: set CHROMIUM"); }

const browser = await chromium.launch({ executablePath, args: [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${new URL("hello.wav", testdata).pathname}%noloop`,
] });

/** open opens a page that must ask nothing of another host and must report no error but refusals that a step expects. */
async function open(path, { locale = "en-US", refusals = 0, before, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, locale, permissions: ["microphone"], acceptDownloads: true, ...options });
  const page = await context.newPage(), faults = [];
  page.on("request", r => { if (!/^(blob|data):/.test(r.url()) && new URL(r.url()).host !== new URL(base).host) faults.push(`asked for ${r.url()}`); });
  page.on("pageerror", e => faults.push(e.stack));
  page.on("console", m => {
    if (m.type() !== "error" && m.type() !== "warning") return;
    if (/Failed to load resource/.test(m.text()) && refusals-- > 0) return;
    faults.push(`${m.text()} (${m.location().url})`);
  });
  await before?.(page);
  await page.goto(base + path);
  page.finish = async name => {
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage: true });
    await context.close();
    assert.deepEqual(faults, []);
  };
  return page;
}

/** saved presses a button that saves a file, and returns its content. */
async function saved(page, job, name) {
  const [file] = await Promise.all([page.waitForEvent("download"), job.getByRole("button", { name, exact: true }).click()]);
  return readFileSync(await file.path(), "utf8");
}

const steps = {
  async "recordings become text, with times, badges and files to save"() {
    const page = await open("/");
    await page.setInputFiles("#picker", ["hello.wav", "zh.wav", "phrases.wav"].map(clip));
    await page.waitForFunction(() => document.querySelectorAll(".job .segments").length === 3, null, { timeout: 60_000 });
    const job = name => page.locator(".job", { hasText: name });
    for (const name of ["hello.wav", "zh.wav"]) assert.equal((await job(name).locator(".words").allTextContents()).join(" "), clips[name].withitn);
    assert.match(await job("zh.wav").locator(".badges").first().textContent(), /Mandarin/);
    assert.match(await saved(page, job("phrases.wav"), "Save as SRT"), /^1\n00:00:\d\d,\d{3} --> 00:00:\d\d,\d{3}\n\S/);
    assert.match(await saved(page, job("phrases.wav"), "Save as VTT"), /^WEBVTT\n\n00:00:\d\d\.\d{3} --> /);
    assert.equal((await saved(page, job("hello.wav"), "Save as TXT")).trim(), clips["hello.wav"].withitn);
    assert.ok(JSON.parse(await saved(page, job("hello.wav"), "Save as JSON")).segments[0].words.length > 2);
    await job("hello.wav").locator("button.time").first().click();
    await page.waitForFunction(() => [...document.querySelectorAll("audio")].some(a => a.currentTime > 0.2), null, { timeout: 10_000 });
    await page.finish("files");
  },

  async "what is no recording is refused in the server's words"() {
    const page = await open("/", { refusals: 1 });
    await page.setInputFiles("#picker", [{ name: "letter.txt", mimeType: "text/plain", buffer: Buffer.from("Dear Sir or Madam, ".repeat(50)) }]);
    await page.waitForSelector(".job .problem p");
    assert.match(await page.textContent(".job .problem p"), /\w{3}.*\w{3}/);
    await page.finish("refused");
  },

  async "silence has no words"() {
    const page = await open("/");
    await page.setInputFiles("#picker", [clip("silence.wav")]);
    await page.waitForSelector(".job .silent", { timeout: 30_000 });
    await page.finish("silence");
  },

  async "what the microphone hears arrives, and stop brings the last words"() {
    const page = await open("/ws-test");
    await page.click("#record");
    await page.waitForFunction(() => document.querySelector("#elapsed").textContent >= "0:04", null, { timeout: 30_000 });
    await page.click("#record");
    await page.waitForFunction(() => document.querySelector("#live-state").textContent === "Finished.", null, { timeout: 30_000 });
    assert.equal((await page.locator("#said .words").allTextContents()).join(" "), clips["hello.wav"].withitn);
    await page.finish("live");
  },

  async "a connection that breaks costs no words"() {
    let connections = 0;
    const page = await open("/ws-test", { before: p => p.routeWebSocket(/ws\/asr/, socket => {
      const server = socket.connectToServer(), first = connections++ === 0;
      let frames = 0;
      socket.onMessage(m => {
        if (first && ++frames > 15) return void (frames === 16 && (server.close(), socket.close({ code: 1011 })));
        server.send(m);
      });
    }) });
    await page.click("#record");
    await page.waitForFunction(() => document.querySelector("#elapsed").textContent >= "0:05", null, { timeout: 30_000 });
    await page.click("#record");
    await page.waitForFunction(() => document.querySelector("#live-state").textContent === "Finished.", null, { timeout: 30_000 });
    assert.equal(connections, 2);
    assert.equal((await page.locator("#said .words").allTextContents()).join(" "), clips["hello.wav"].withitn);
    await page.finish("reconnected");
  },

  async "the server's state is shown"() {
    const page = await open("/#status", { colorScheme: "dark", refusals: 1 }); // there may be no GPU to tell of
    await page.waitForSelector("#state .dot");
    assert.match(await page.textContent("#state"), /Ready/);
    await page.finish("status");
  },

  async "Chinese is a switch away, and the keyboard reaches everything"() {
    const page = await open("/", { locale: "zh-CN", viewport: { width: 390, height: 844 } });
    assert.equal(await page.textContent("h1"), "把录音变成文字");
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than a phone");
    await page.click("#language");
    assert.equal(await page.textContent("h1"), "Recordings into text");
    const reached = [];
    await page.evaluate(() => document.activeElement.blur());
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.name || document.activeElement.textContent));
    }
    for (const wanted of ["Files", "Live", "Status", "Key", "API", "language", "choose", "itn"]) assert.ok(reached.includes(wanted), `${wanted} is not among ${reached}`);
    await page.finish("phone");
  },

  async "the description lists the operations, and a form makes a request"() {
    const page = await open("/docs");
    const operation = page.locator(".operation", { hasText: "/api/v1/asr" }).first();
    await operation.locator("summary").first().click();
    assert.match(await operation.textContent(), /curl .*\/api\/v1\/asr/);
    await operation.locator("input[type=file]").first().setInputFiles([clip("hello.wav")]);
    await operation.getByRole("button", { name: "Send" }).click();
    await operation.locator(".answer pre").waitFor({ timeout: 30_000 });
    assert.match(await operation.locator(".answer").textContent(), /HTTP 200[\s\S]*"result"/);
    await page.finish("docs");
  },
};

let failed = 0;
for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`ok    ${name}`);
  } catch (error) {
    failed++;
    console.error(`FAIL  ${name}\n${error.stack}`);
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
