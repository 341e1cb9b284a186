/** Writes what the documentation has from the table of options. */
import { writeFileSync } from 'node:fs';
import { fileUrl, generatedFiles } from './generated.ts';

for (const [name, text] of generatedFiles()) writeFileSync(fileUrl(name), text);
