// npm run dashboards: writes deploy/grafana/dashboards/*.json out of scripts/grafana/dashboards.mjs. A test compares the two.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DASHBOARDS } from './grafana/dashboards.mjs';

const folder = fileURLToPath(new URL('../deploy/grafana/dashboards/', import.meta.url));
mkdirSync(folder, { recursive: true });
for (const [name, dashboard] of Object.entries(DASHBOARDS)) {
  writeFileSync(`${folder}${name}.json`, `${JSON.stringify(dashboard, null, 2)}\n`);
}
console.log(`${Object.keys(DASHBOARDS).length} dashboards in deploy/grafana/dashboards`);
