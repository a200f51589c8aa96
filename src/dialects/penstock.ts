import { type Dialect, Shape } from './dialect.ts';

/** Penstock's own shape: the canonical columns by their names. */
export const penstock: Dialect = {
  name: 'penstock',
  routes: [
    { path: '/v1/events', shape: Shape.single },
    { path: '/v1/events/batch', shape: Shape.batch },
  ],
  envelopeKeys: ['events'],
  columns: {
    event_id: ['event_id'],
    event_type: ['event_type'],
    app_id: ['app_id'],
    device_id: ['device_id'],
    user_id: ['user_id'],
    session_id: ['session_id'],
    timestamp: ['timestamp'],
    platform: ['platform'],
    os_version: ['os_version'],
    app_version: ['app_version'],
    attribution: ['attribution'],
    event_data: ['event_data'],
    context: ['context'],
  },
  claims: { ip: ['ip'], user_agent: ['user_agent'] },
  rest: 'context',
  required: ['event_type', 'app_id', ['device_id', 'user_id']],
};
