'use client';
export { default } from '../page.js';
