// A client of openapi-typescript's types and openapi-fetch.
import createClient from 'openapi-fetch';
import type { paths } from './api';
import { end, recording, token, url } from './frame';

const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
const { data: started, error } = await client.POST('/process-audio', {
  body: { audioFile: 'a file', options: '{"silenceThreshold": 1}' },
  bodySerializer: ({ options }) => {
    const form = new FormData();
    form.append('options', options ?? '{}');
    form.append('audioFile', recording, 'talk.flac');
    return form;
  },
});
if (!started) throw new Error(error.message);
const params = { path: { job_id: started.jobId } };
const { data: status } = await client.GET('/job/{job_id}/status', { params: { ...params, query: { wait: 50 } } });
const { data: reply } = await client.GET('/job/{job_id}/result', { params });
if (!status || !reply || !('result' in reply)) throw new Error('The job has no result.');
const { data: plan } = await client.POST('/job/{job_id}/cut-plan', { params, body: { preset: 'tight' } });
if (!plan || !('keep' in plan)) throw new Error('The job has no plan.');
const missing = await client.GET('/job/{job_id}/status', { params: { path: { job_id: 'unknown' } } });
end({ started, status, result: reply.result, plan, error: missing.error! });
