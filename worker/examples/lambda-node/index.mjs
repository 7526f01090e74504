// A function for SQS messages as it would run on AWS Lambda. Nothing in it knows of the
// worker. An error that it throws fails the message, which is then tried again.
export async function handler(event) {
  for (const record of event.Records) {
    const job = JSON.parse(record.body);
    console.log("a job of group", record.attributes.MessageGroupId, job);
  }
}
