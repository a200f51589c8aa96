/** Small events for tests; `n` makes them distinct and ordered. */
export interface TestEvent {
  event_id: string;
  event_type: string;
  app_id: string;
  device_id: string;
  timestamp: string;
  event_data: { n: number; big: string; text: string };
}

/** Event number `n` of a test; `prefix` keeps the ids of two tests apart. */
export function testEvent(n: number, prefix = 'e'): TestEvent {
  return {
    event_id: `${prefix}-${n}`,
    event_type: n % 3 === 0 ? 'purchase' : 'page_view',
    app_id: 'shop',
    device_id: `device-${n % 97}`,
    timestamp: new Date(Date.UTC(2026, 10, 20) + n).toISOString(),
    event_data: { n, big: String(9_007_199_254_740_993n + BigInt(n)), text: `größe "${n}" \\ \u0007 🎉` },
  };
}

/** Events `from` … `from + count - 1`. */
export function testEvents(count: number, prefix = 'e', from = 0): TestEvent[] {
  return Array.from({ length: count }, (_, index) => testEvent(from + index, prefix));
}
