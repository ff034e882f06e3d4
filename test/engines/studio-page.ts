import type { Browser, Page as Tab } from 'playwright-core';
import { expect } from 'vitest';

/** A busy machine may take a minute to start WebGPU, which a processor plays here. */
export const PATIENT = { timeout: 100_000 };

/** Opens a page whose errors are kept. */
export async function openPage(
  browser: Browser,
  address: string,
  prepare?: (tab: Tab) => Promise<void>,
): Promise<{ tab: Tab; errors: string[] }> {
  const errors: string[] = [];
  const tab = await browser.newPage();
  tab.on('pageerror', (error) => errors.push(error.message));
  tab.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await prepare?.(tab);
  await tab.goto(address);
  return { tab, errors };
}

/** Waits until the text of an element is like this. */
export async function expectText(tab: Tab, selector: string, wanted: RegExp): Promise<void> {
  await expect.poll(() => tab.textContent(selector), PATIENT).toMatch(wanted);
}
