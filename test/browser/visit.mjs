/** Gives the test what it drives a page by: the SDK's own calls, and many of one of them. */
export function offer({ ready, identify, track, flush = () => {}, leave = () => {} }) {
  let latest = [];
  globalThis.client = {
    ready,
    identify,
    // For SDKs that send what was refused with the next event only.
    flush,
    trackAll: (from, to) => {
      latest = Array.from({ length: to - from }, (_none, index) => from + index);
      for (const n of latest) {
        track(`order_${n % 3}`, { n, revenue: n + 0.25, emoji: 'größe 🎉', nested: { a: [1, null] } });
      }
    },
    // What a site must do before it goes elsewhere, if it must.
    leave: () => leave(latest),
  };
}
