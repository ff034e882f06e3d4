export { writeReconstructions, writeReport } from './write-report.ts';
