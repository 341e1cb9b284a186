/** Longer than every known name by far: nothing is like it. */
const NAME_LENGTH_MAX = 80;

/** The known name that a misspelled one is likely to mean: few edits away, whole or in its last part. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > NAME_LENGTH_MAX) return undefined;
  let nearest: string | undefined;
  let fewest = Math.max(2, Math.floor(lastPart(name).length / 3)) + 1;
  for (const candidate of known) {
    // A key in the wrong table has the right last part: that counts for less than the same name in the same table.
    const edits = Math.min(
      editDistance(name, candidate),
      editDistance(lastPart(name), lastPart(candidate)) + 1,
    );
    if (edits >= fewest) continue;
    nearest = candidate;
    fewest = edits;
  }
  return nearest;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Levenshtein's, whatever the letter case and the underscores: `perIpRps` is `per_ip_rps`. */
function editDistance(left: string, right: string): number {
  const a = plain(left);
  const b = plain(right);
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll('_', '');
}
