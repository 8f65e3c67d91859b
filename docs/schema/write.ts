import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { schemaFiles } from '../../src/status/documents.ts';

for (const [name, text] of schemaFiles()) writeFileSync(join(import.meta.dirname, name), text);
