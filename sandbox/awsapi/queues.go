package awsapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

func (c call) createQueue() (any, error) {
	var request struct {
		QueueName  string
		Attributes map[string]string
		Tags       map[string]string
	}
	if err := json.Unmarshal(c.body, &request); err != nil {
		return nil, err
	}
	queue, err := c.account.CreateQueueAs(c.now, request.QueueName, request.Attributes, request.Tags)
	if err != nil {
		return nil, err
	}
	return map[string]string{"QueueUrl": queue.URL}, nil
}

func (c call) deleteQueue() (any, error) {
	var request struct{ QueueUrl string }
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, c.account.DeleteQueue(box.Queue().URL)
}

func (c call) getQueueAttributes() (any, error) {
	var request struct {
		QueueUrl       string
		AttributeNames []string
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	attributes, err := box.Attributes(c.now, request.AttributeNames)
	if err != nil {
		return nil, err
	}
	return struct {
		Attributes map[string]string `json:",omitempty"`
	}{attributes}, nil
}

func (c call) setQueueAttributes() (any, error) {
	var request struct {
		QueueUrl   string
		Attributes map[string]string
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, c.account.SetQueueAttributes(c.now, box.Queue().URL, request.Attributes)
}

func (c call) getQueueURL() (any, error) {
	var request struct{ QueueName string }
	box, err := c.mailbox(&request, &request.QueueName)
	if err != nil {
		return nil, err
	}
	return map[string]string{"QueueUrl": box.Queue().URL}, nil
}

func (c call) listQueues() (any, error) {
	var request struct{ QueueNamePrefix string }
	if err := json.Unmarshal(c.body, &request); err != nil {
		return nil, err
	}
	urls := []string{}
	for _, url := range slices.Sorted(maps.Keys(c.account.Queues)) {
		if strings.HasPrefix(c.account.Queues[url].Name, request.QueueNamePrefix) {
			urls = append(urls, url)
		}
	}
	return map[string]any{"QueueUrls": urls}, nil
}

func (c call) listDeadLetterSourceQueues() (any, error) {
	var request struct{ QueueUrl string }
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	urls, err := c.account.DeadLetterSources(box.Queue().URL)
	return map[string]any{"queueUrls": urls}, err
}

func (c call) purgeQueue() (any, error) {
	var request struct{ QueueUrl string }
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	box.Purge()
	return struct{}{}, nil
}

func (c call) tagQueue() (any, error) {
	var request struct {
		QueueUrl string
		Tags     map[string]string
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	queue := box.Queue()
	if queue.Tags == nil {
		queue.Tags = map[string]string{}
	}
	maps.Copy(queue.Tags, request.Tags)
	return struct{}{}, nil
}

func (c call) untagQueue() (any, error) {
	var request struct {
		QueueUrl string
		TagKeys  []string
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(box.Queue().Tags, func(key, _ string) bool {
		return slices.Contains(request.TagKeys, key)
	})
	return struct{}{}, nil
}

func (c call) listQueueTags() (any, error) {
	var request struct{ QueueUrl string }
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct {
		Tags map[string]string `json:",omitempty"`
	}{box.Queue().Tags}, nil
}
