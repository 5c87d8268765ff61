// The microphone: opened, explained where a browser keeps it shut, and cut into frames by worklet.js.
import { Problem, address } from "./server.js";

/** open asks for the microphone. heard(frame, level) gets 100 ms each; gone(error) is called if it is taken away. */
export async function open(heard, gone) {
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) throw forbidden();
  const context = new AudioContext();
  try {
    const node = await worklet(context); // first, so that nothing is missed between the permission and the recording
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true } }).catch(e => { throw refused(e); });
    return record(context, node, stream, heard, gone);
  } catch (error) {
    context.close();
    throw error;
  }
}

async function worklet(context) {
  try {
    await Promise.all([context.audioWorklet.addModule(address("static/worklet.js")), context.resume()]);
    return new AudioWorkletNode(context, "microphone");
  } catch (error) {
    throw new Problem("The browser's sound system does not start", { detail: error.message });
  }
}

function record(context, node, stream, heard, gone) {
  let ended;
  const end = new Promise(resolve => { ended = resolve; });
  node.port.onmessage = ({ data }) => data.ended ? ended() : heard(data.frame, data.level);
  context.createMediaStreamSource(stream).connect(node).connect(context.destination); // it stays silent: a node runs only if somebody listens
  for (const track of stream.getTracks()) track.onended = () => gone(new Problem("The microphone is gone", { t: "It was unplugged, or the browser withdrew the permission. What was said until then is here." }));
  return { // the last frame comes before close settles
    async close() {
      for (const track of stream.getTracks()) track.onended = null;
      node.port.postMessage("end");
      await end;
      for (const track of stream.getTracks()) track.stop();
      context.close();
    },
  };
}

function forbidden() {
  if (window.isSecureContext) return new Problem("This browser has no microphone to offer", { t: "A current Chrome, Edge, Firefox or Safari has." });
  const port = location.port || "80";
  return new Problem("The browser keeps the microphone shut on this page", {
    t: "It opens it only for pages that come over https or from localhost. Serve with a certificate, or reach the server through a tunnel and open its local end:",
    command: `ssh -L ${port}:localhost:${port} ${location.hostname}\nhttp://localhost:${port}/ws-test`,
  });
}

function refused(error) {
  const reasons = {
    NotAllowedError: "Allow it in the address bar of the browser, then start again.",
    NotFoundError: "This computer has none, or it is not plugged in.",
    NotReadableError: "Another program is using it.",
  };
  return new Problem("The microphone does not open", reasons[error.name] ? { t: reasons[error.name] } : { detail: error.message });
}
