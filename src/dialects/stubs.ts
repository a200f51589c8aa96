/**
 * What SDKs ask for beside sending events: settings without which some do not send at all, flags, and data that nobody
 * keeps here. Answers are fixed; `{key}` stands for the write key of the path or of `?writeKey=` (RudderStack).
 */
export interface Stub {
  readonly methods: readonly ('get' | 'post')[];
  /** `:key` in a path is the write key. */
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

const json = (methods: Stub['methods'], path: string, body: object): Stub => ({
  methods,
  path,
  type: 'application/json',
  body: JSON.stringify(body),
});

/** Segment's analytics.js asks for it first, when `cdnURL` is this server. */
const SEGMENT_SETTINGS = {
  integrations: { 'Segment.io': { apiKey: '{key}', apiHost: '{host}/v1', protocol: '{protocol}' } },
  plan: { track: {}, identify: {}, group: {} },
  edgeFunction: {},
  analyticsNextEnabled: true,
  middlewareSettings: {},
  enabledMiddleware: {},
  metrics: { sampleRate: 0 },
  legacyVideoPluginsEnabled: false,
  remotePlugins: [],
};

/** RudderStack's browser SDK sends nothing before it has this (`configUrl`). */
const SOURCE_CONFIG = {
  source: {
    id: 'penstock',
    name: 'penstock',
    writeKey: '{key}',
    enabled: true,
    workspaceId: 'penstock',
    connections: [],
    destinations: [],
    dataplanes: {},
    config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
    updatedAt: '2024-01-01T00:00:00.000Z',
  },
  updatedAt: '2024-01-01T00:00:00.000Z',
};

/** posthog-js compresses, and asks for nothing that is not here, when it has this. */
const POSTHOG_CONFIG = {
  token: '{key}',
  supportedCompression: ['gzip', 'gzip-js'],
  hasFeatureFlags: false,
  captureDeadClicks: false,
  capturePerformance: { network_timing: false, web_vitals: false },
  autocapture_opt_out: false,
  autocaptureExceptions: false,
  analytics: { endpoint: '/e/' },
  elementsChainAsString: true,
  errorTracking: { autocaptureExceptions: false, suppressionRules: [] },
  sessionRecording: false,
  heatmaps: false,
  surveys: false,
  productTours: false,
  defaultIdentifiedOnly: true,
  siteApps: [],
  siteAppsJS: [],
};

const NO_FLAGS = {
  flags: {},
  featureFlags: {},
  featureFlagPayloads: {},
  errorsWhileComputingFlags: false,
  quotaLimited: [],
  sessionRecording: false,
  supportedCompression: ['gzip', 'gzip-js'],
  config: { enable_collect_everything: true },
  toolbarParams: {},
  isAuthenticated: false,
  siteApps: [],
};

/** By path; all are taken with a trailing slash too. */
export const STUBS: readonly Stub[] = [
  json(['get'], '/v1/projects/:key/settings', SEGMENT_SETTINGS),
  json(['post'], '/v1/m', { success: true }),
  json(['get'], '/sourceConfig', SOURCE_CONFIG),
  json(['get'], '/array/:key/config', POSTHOG_CONFIG),
  {
    methods: ['get'],
    path: '/array/:key/config.js',
    type: 'application/javascript',
    body: `(function(){window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};window._POSTHOG_REMOTE_CONFIG["{key}"]={config:${JSON.stringify(POSTHOG_CONFIG)},siteApps:[]}})();`,
  },
  // posthog-js loads it, told that there are no surveys too; a 404 is an error in the console of every page.
  ...['/static/surveys.js', '/static/:key/surveys.js'].map(
    (path): Stub => ({
      methods: ['get'],
      path,
      type: 'application/javascript',
      body: '(window.__PosthogExtensions__=window.__PosthogExtensions__||{}).generateSurveys=function(){};',
    }),
  ),
  // PostHog asks with POST, Mixpanel with GET.
  json(['get', 'post'], '/flags', NO_FLAGS),
  json(['post'], '/decide', NO_FLAGS),
  json(['get'], '/flags/definitions', { flags: [], group_type_mapping: {}, cohorts: {} }),
  json(['get'], '/settings', { sdk_config: { config: {} } }),
  // Recordings of sessions of Mixpanel's SDK: nobody keeps them.
  json(['post'], '/record', { code: 200, status: 'OK' }),
];
