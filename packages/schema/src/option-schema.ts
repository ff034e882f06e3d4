import { OptionError, shorten, show } from '@vqkit/core-tensor';
import { z } from 'zod';
import { nearestName } from './nearest.ts';

/** An integer >= min. */
export const count = (min: number): z.ZodInt => z.int().min(min);

/** An optional field with its description and, where it has one, its default, both of which `z.toJSONSchema` shows. */
export function field<T extends z.ZodType>(type: T, description: string, defaultValue?: unknown): z.ZodOptional<T> {
  return type.optional().meta({ description, ...(defaultValue === undefined ? {} : { default: defaultValue }) });
}

/** Fields under one heading of a help, which `z.toJSONSchema` shows as `group`. */
export function inGroup<Shape extends z.ZodRawShape>(group: string, shape: Shape): Shape {
  for (const type of Object.values(shape)) z.globalRegistry.add(type, { ...z.globalRegistry.get(type), group });
  return shape;
}

/**
 * The options as the schema has them.
 * @throws OptionError for the first that breaks its rule; an unknown one with the nearest known name.
 */
export function checkOptions<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape, z.core.$strict>,
  options: unknown,
  where: string,
): z.infer<z.ZodObject<Shape, z.core.$strict>> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const issue = result.error.issues[0] as z.core.$ZodIssue;
  const { path, rule, value } = problemOf(result.error, options);
  const [unknown = ''] = issue.code === 'unrecognized_keys' ? issue.keys : [];
  const fix = unknown === '' ? fixFor(issue, value) : otherThan(unknown, Object.keys(schema.shape));
  throw new OptionError(where, path || 'options', rule, value, fix);
}

/** The first rule that a value breaks: where in it, such as `imageShape[0]`, what that must be, and what it is. */
export function problemOf(
  error: z.ZodError,
  value: unknown,
): { readonly path: string; readonly rule: string; readonly value: unknown } {
  const issue = error.issues[0] as z.core.$ZodIssue;
  const found = valueAt(issue, value);
  const path = pathOf(issue);
  if (issue.code !== 'unrecognized_keys') return { path, rule: `be ${ruleOf(issue)}`, value: found };
  const [key = ''] = issue.keys;
  return { path, rule: `have no '${shorten(key)}'`, value: (found as Record<string, unknown>)[key] };
}

function otherThan(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  return nearest === undefined ? `Known options: ${[...known].sort().join(', ')}.` : `Did you mean '${nearest}'?`;
}

function pathOf({ path }: z.core.$ZodIssue): string {
  const name = path.reduce<string>(
    (name, key) => (typeof key === 'number' ? `${name}[${key}]` : name === '' ? String(key) : `${name}.${String(key)}`),
    '',
  );
  return shorten(name);
}

function valueAt({ path }: z.core.$ZodIssue, value: unknown): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)?.[key], value);
}

function ruleOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int'
        ? 'an integer'
        : `${/^[aeio]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
    case 'too_small':
      if (issue.origin === 'string') return 'not empty';
      if (issue.origin === 'array') return `a list of at least ${issue.minimum}`;
      return `${issue.inclusive === false ? '>' : '>='} ${issue.minimum}`;
    case 'too_big':
      if (issue.origin === 'array') return `a list of at most ${issue.maximum}`;
      return `${issue.inclusive === false ? '<' : '<='} ${issue.maximum}`;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => show(value)).join(', ')}`;
    case 'invalid_union':
      return `one of ${issue.errors.flatMap(([inner]) => (inner?.code === 'invalid_value' ? inner.values.map((v) => show(v)) : [])).join(', ')}`;
    default:
      return `valid (${issue.message})`;
  }
}

function fixFor(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_type' && typeof value === 'string' && issue.expected !== 'string') {
    return 'Write it without quotes.';
  }
  return 'Change it or leave it out for the default.';
}
