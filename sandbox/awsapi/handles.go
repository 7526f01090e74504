package awsapi

func (c call) deleteMessage() (any, error) {
	var request struct{ QueueUrl, ReceiptHandle string }
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, box.Delete(c.now, request.ReceiptHandle)
}

func (c call) deleteMessageBatch() (any, error) {
	var request struct {
		QueueUrl string
		Entries  []struct{ Id, ReceiptHandle string }
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return batch(c, len(request.Entries), func(i int) (string, func() (any, error)) {
		e := request.Entries[i]
		return e.Id, func() (any, error) {
			return map[string]string{"Id": e.Id}, box.Delete(c.now, e.ReceiptHandle)
		}
	})
}

func (c call) changeVisibility() (any, error) {
	var request struct {
		QueueUrl, ReceiptHandle string
		VisibilityTimeout       int
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return struct{}{}, box.ChangeVisibility(c.now, request.ReceiptHandle, seconds(request.VisibilityTimeout))
}

func (c call) changeVisibilityBatch() (any, error) {
	var request struct {
		QueueUrl string
		Entries  []struct {
			Id, ReceiptHandle string
			VisibilityTimeout int
		}
	}
	box, err := c.mailbox(&request, &request.QueueUrl)
	if err != nil {
		return nil, err
	}
	return batch(c, len(request.Entries), func(i int) (string, func() (any, error)) {
		e := request.Entries[i]
		return e.Id, func() (any, error) {
			return map[string]string{"Id": e.Id},
				box.ChangeVisibility(c.now, e.ReceiptHandle, seconds(e.VisibilityTimeout))
		}
	})
}
