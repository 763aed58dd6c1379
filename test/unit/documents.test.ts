// The documents: what they link to is there, and goes where they go.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGES = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
const DOCUMENTS = ['README.md', ...PAGES.map((name) => join('docs', name))];

/** Where the links of a Markdown text lead that are no web addresses. */
function localLinks(text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of a Markdown text's headings, as they are shown on the web. */
function anchors(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return headings.map((heading) => heading.replace(/[^\p{L}\p{N} -]/gu, '').replaceAll(' ', '-'));
}

test('every link of a document leads to a file that the package holds, and to a heading in it', () => {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
  for (const document of DOCUMENTS) {
    for (const link of localLinks(readFileSync(join(ROOT, document), 'utf8'))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : relative(ROOT, join(ROOT, dirname(document), path));
      assert.ok(existsSync(join(ROOT, target)), `${document} links to ${link}`);
      assert.ok(files.includes(target.split('/')[0] ?? ''), `${link}, which ${document} links to, is in no package`);
      if (anchor !== undefined) assert.ok(anchors(readFileSync(join(ROOT, target), 'utf8')).includes(anchor), link);
    }
  }
});

test('README leads to every document', () => {
  const links = localLinks(readFileSync(join(ROOT, 'README.md'), 'utf8'));
  for (const document of DOCUMENTS.slice(1)) assert.ok(links.includes(document), document);
});
