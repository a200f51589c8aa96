// `npm start` and `npm run penstock`: prepare, then become the program (same process, so signals reach it).
import { prepare } from './prepare.mjs';

prepare();
await import('../dist/src/main.js');
