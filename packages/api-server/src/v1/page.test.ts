import { describe, expect, it } from '@jest/globals';
import { pageJson, type V1Page } from './page.ts';

describe('a page of version 1', () => {
  it.each<{ title: string; page: V1Page; json: string }>([
    { title: 'machines before the token', page: { resource: 'machines', items: ['{"id":"a"}', '{"id":"b"}'], next: 'ZAACAA==' }, json: '{"machines":[{"id":"a"},{"id":"b"}],"nextPageToken":"ZAACAA=="}' },
    { title: 'states behind it', page: { resource: 'states', items: ['{"name":"a"}'], next: 'ZAACAA==' }, json: '{"nextPageToken":"ZAACAA==","states":[{"name":"a"}]}' },
    { title: 'units behind it', page: { resource: 'units', items: ['{"name":"a"}'], next: 'ZAACAA==' }, json: '{"nextPageToken":"ZAACAA==","units":[{"name":"a"}]}' },
    { title: 'the last page', page: { resource: 'units', items: ['{"name":"a"}'], next: undefined }, json: '{"units":[{"name":"a"}]}' },
    { title: 'an empty page that is not the last', page: { resource: 'machines', items: [], next: 'ZAACAA==' }, json: '{"nextPageToken":"ZAACAA=="}' },
    { title: 'nothing', page: { resource: 'states', items: [], next: undefined }, json: '{}' },
  ])('has $title', ({ page, json }) => {
    expect(pageJson(page)).toBe(json);
  });
});
