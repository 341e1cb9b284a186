// Each mutation takes one rule of the disk store out: what it is called, and what is replaced in which file of src/stores.
const journal = 'disk/journal.ts';
const tail = 'disk/tail.ts';
const recovery = 'disk/recovery.ts';

const batchFlush = `    await this.#file.flush();
    this.#recent`;

export const mutations = [
  {
    name: 'skip the flush of a batch',
    patches: [{ file: tail, find: batchFlush, replace: '    this.#recent' }],
  },
  {
    name: 'answer before the flush',
    patches: [
      {
        file: tail,
        find: batchFlush,
        replace: batchFlush.replace('await this.#file.flush()', 'this.#file.flush().catch(() => {})'),
      },
    ],
  },
  {
    name: 'skip the flush of a head',
    patches: [
      {
        file: tail,
        find: `    await writeWhole(file, [encodeSegmentHead(head)], 0);
    await file.flush();
`,
        replace: '    await writeWhole(file, [encodeSegmentHead(head)], 0);\n',
      },
    ],
  },
  {
    name: 'skip the flush of a new name',
    patches: [
      {
        file: tail,
        find: '    linked = true;\n    await files.flushDirectory();\n',
        replace: '    linked = true;\n',
      },
    ],
  },
  {
    name: 'trust the page cache at start',
    patches: [
      {
        file: 'disk/open.ts',
        find: 'if (found.last !== undefined) await rewriteLast',
        replace: 'if (found.last === null) await rewriteLast',
      },
    ],
  },
  {
    name: 'trust the names at start',
    patches: [{ file: 'disk/open.ts', find: '  await files.flushDirectory();\n', replace: '' }],
  },
  {
    name: 'ignore a short write',
    patches: [
      { file: 'disk/files.ts', find: 'if (taken !== length) throw', replace: 'if (taken > length) throw' },
    ],
  },
  {
    name: 'reuse a file before its rename is flushed',
    patches: [
      {
        file: 'disk/spares.ts',
        find: '      await this.#files.flushDirectory();\n      await this.#blank(name);\n',
        replace: '      await this.#blank(name);\n',
      },
    ],
  },
  {
    name: 'append by file order',
    patches: [
      {
        file: recovery,
        find: 'foldRows(table, rows, count, remembers)',
        replace:
          'foldRows(table, { ...rows, times: rows.times.map((each, at) => (at % 2 === 0 ? this.nextSeq++ : each)) }, count, remembers)',
      },
    ],
  },
  {
    name: 'copy an acked message',
    patches: [
      {
        file: 'disk/cleaner.ts',
        find: 'if (!this.#counts(next.slot)) continue;',
        replace: 'if (!next.read && !this.#counts(next.slot)) continue;',
      },
    ],
  },
  {
    name: 'unlink before the batch that says so',
    patches: [
      {
        file: journal,
        find: '    this.#oldest = number + 1;\n',
        replace: '    this.#oldest = number + 1;\n    this.#segments.drop(number);\n',
      },
    ],
  },
  {
    name: 'believe what failed',
    patches: [
      { file: journal, find: '      flushed: this.#flushed,\n', replace: '      flushed: this.#end,\n' },
      {
        file: journal,
        find: '  #removeBefore(oldest: number): void {',
        replace: `  /** Where the segment before ends, whatever has failed in it. */
  get #end() {
    return this.#tail === undefined ? this.#flushed : { segment: this.#tail.number, position: this.#tail.end };
  }

  #removeBefore(oldest: number): void {`,
      },
    ],
  },
  {
    name: 'set the clock back across a restart',
    patches: [
      {
        file: 'disk/open.ts',
        find: 'new StoreTime(clock, found?.timeMs,',
        replace: 'new StoreTime(clock, 0,',
      },
    ],
  },
  {
    name: 'pushes fill what was begun of the reserve',
    patches: [
      {
        file: 'disk/reserve.ts',
        find: 'return this.#spares.count >= SPARES_LEFT[purpose] + (beginsSegment ? 1 : 0);',
        replace: 'return !beginsSegment || this.#spares.count > SPARES_LEFT[purpose];',
      },
    ],
  },
  {
    name: 'restart while full, without a reserve',
    patches: [
      {
        file: 'disk/reserve.ts',
        find: '{ push: 3, ack: 2,',
        replace: '{ push: 0, ack: 0,',
      },
    ],
  },
  {
    name: 'keep what a failed batch decided',
    patches: [
      {
        file: 'disk/writer.ts',
        find: '    this.#mailboxes.undo();\n',
        replace: '    this.#mailboxes.settle(this.#time.now());\n',
      },
    ],
  },
  {
    name: 'answer what rests on a batch before it is on disk',
    patches: [
      {
        file: 'disk/requests.ts',
        find: '  const accept = (answer: unknown): void => {\n',
        replace: `  const { records } = batch;
  const accept = (answer: unknown): void => {
    if (batch.records === records) resolve(answer as never);
`,
      },
    ],
  },
  {
    name: 'send what is damaged',
    patches: [
      {
        file: 'disk/kept-record.ts',
        find: '&& record.isGood ? record : undefined;',
        replace: '? record : undefined;',
      },
      {
        file: 'disk/long.ts',
        find: 'return crc === expectedCrc;',
        replace: 'return true;',
      },
      {
        file: 'disk/long.ts',
        find: 'isLast && crc !== expectedPayloadCrc',
        replace: 'isLast && false',
      },
    ],
  },
];
