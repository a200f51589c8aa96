import { type Dialect, type DialectRoute, type Guards, jsonAnswer, Shape } from './dialect.ts';
import { CALL_TYPES, segment } from './segment.ts';

const IN_BROWSER: Guards = [
  { path: 'context.library.name', is: ['@jitsu/js'] },
  { path: 'context.library.env', isNot: ['node'] },
];

/**
 * Jitsu's events API (https://docs.jitsu.com/sending-data/http): Segment's shape under paths of its own, one event a
 * request; the key is in a header, and masked in the body.
 */
export const jitsu: Dialect = {
  ...segment,
  name: 'jitsu',
  routes: [...CALL_TYPES, 'event'].flatMap((type): DialectRoute[] =>
    ['/api/s/', '/api/s/s2s/'].map((folder) => ({
      path: `${folder}${type}`,
      shape: Shape.single,
      defaults: { type },
    })),
  ),
  keyPlaces: { headers: ['x-write-key'] },
  envelopeKeys: [],
  columns: {
    ...segment.columns,
    app_id: ['writeKey', { constant: 'jitsu' }],
    platform: [
      'context.device.type',
      'context.os.name',
      { constant: 'web', when: IN_BROWSER },
      { constant: 'server' },
    ],
  },
  sentAt: ['sentAt'],
  secrets: ['writeKey'],
  direct: IN_BROWSER,
  answers: { ok: jsonAnswer('{"ok":true}') },
  cannotRetry: true,
};
