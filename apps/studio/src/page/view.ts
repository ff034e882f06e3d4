import type { Shown } from './shown.ts';

/** What a view is given when it is opened. */
export interface ViewContext {
  /** Runs and tokenizers that the server shows; none of a static page. */
  readonly shown: readonly Shown[];
  /** What stands after `?` in the address's hash: nothing of it is trusted. */
  readonly settings: URLSearchParams;
  /** Puts settings into the address, so that a link keeps them. */
  keep(settings: URLSearchParams): void;
}

/** A view that is open. */
export interface OpenView {
  readonly element: HTMLElement;
  /** Frees what it holds. */
  close(): void;
}

/** One of the page's views. */
export interface View {
  /** In the address's hash. */
  readonly name: string;
  readonly title: string;
  open(context: ViewContext): OpenView;
}
