import { CLICK_IDS } from './attribution.ts';
import { type Dialect, PIXEL, Shape } from './dialect.ts';

const UTM = ['source', 'medium', 'campaign', 'term', 'content'].map((name) => `utm_${name}`);

/**
 * One event as the query of an image, for e-mails and pages without scripts:
 * `<img src="…/v1/pixel.gif?key=KEY&event_type=opened&user_id=u1&utm_campaign=spring">`. Fields have the names of the
 * columns; others go into `event_data`.
 */
export const pixel: Dialect = {
  name: 'pixel',
  routes: ['/v1/pixel', '/v1/pixel.gif'].map((path) => ({ path, shape: Shape.single, get: true })),
  decoders: ['fields'],
  head: { carries: [] },
  envelopeKeys: [],
  columns: {
    event_id: ['event_id'],
    event_type: ['event_type', { constant: 'pixel' }],
    app_id: ['app_id', { constant: 'pixel' }],
    device_id: ['device_id'],
    user_id: ['user_id'],
    session_id: ['session_id'],
    timestamp: [{ path: 'timestamp', exact: true }],
    platform: ['platform', { constant: 'web' }],
    os_version: ['os_version'],
    app_version: ['app_version'],
    attribution: { compose: [...UTM, ...CLICK_IDS, 'referrer'].map((member) => ({ member })) },
  },
  lenient: true,
  secrets: ['key'],
  claims: { ip: ['ip'], user_agent: ['user_agent'] },
  rest: 'event_data',
  required: ['event_type', 'app_id'],
  answers: { ok: PIXEL },
  cannotRetry: true,
};
