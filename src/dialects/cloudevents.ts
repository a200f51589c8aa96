import { type Dialect, jsonAnswer, Shape } from './dialect.ts';

/**
 * CloudEvents 1.0 over HTTP, structured, as a batch, or binary:
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md. Taken on any path that
 * is nobody else's (routes.ts).
 */
export const cloudevents: Dialect = {
  name: 'cloudevents',
  routes: [{ path: '/v1/cloudevents', shape: Shape.batch }],
  bodyKeys: { event: ['appid'] },
  decoders: ['cloudevents'],
  head: { carries: ['ce-*', 'content-type'] },
  envelopeKeys: [],
  batchEventsMax: 10_000,
  columns: {
    event_id: ['id'],
    event_type: ['type'],
    app_id: ['appid', 'source'],
    device_id: ['deviceid'],
    user_id: ['subject'],
    session_id: ['sessionid'],
    timestamp: [{ path: 'time', exact: true }],
    platform: ['platform'],
    event_data: {
      compose: [{ member: 'data' }, { member: 'data_base64' }, { member: 'source' }, { member: 'appid' }],
    },
  },
  lenient: true,
  rest: 'event_data',
  // From servers, whose address says nothing of a person.
  direct: { path: 'specversion', is: [false] },
  required: ['event_type', 'app_id'],
  answers: { ok: jsonAnswer('{"ok":true}'), statuses: { batch_too_large: 413 } },
  cannotRetry: true,
};
