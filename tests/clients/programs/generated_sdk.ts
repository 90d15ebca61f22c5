// A client that @hey-api/openapi-ts writes whole.
import { client } from './sdk/client.gen';
import { getJobResult, getJobStatus, planCut, processAudio } from './sdk';
import { end, recording, token, url } from './frame';

client.setConfig({ baseUrl: url, auth: () => token });
const file = new File([recording], 'talk.flac');
const body = { audioFile: file, options: '{"silenceThreshold": 1}' };
const { data: started } = await processAudio({ body, throwOnError: true });
const path = { job_id: started.jobId };
const { data: status } = await getJobStatus({ path, query: { wait: 50 }, throwOnError: true });
const { data: reply } = await getJobResult({ path, throwOnError: true });
if (!('result' in reply)) throw new Error('The job has no result.');
const { data: plan } = await planCut({ path, body: { preset: 'tight' }, throwOnError: true });
if (!plan || !('keep' in plan)) throw new Error('The job has no plan.');
const missing = await getJobStatus({ path: { job_id: 'unknown' } });
end({ started, status, result: reply.result, plan, error: missing.error! });
