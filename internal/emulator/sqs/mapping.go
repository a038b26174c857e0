package sqs

import (
	"context"
	"strconv"
	"time"
)

// mapping is an event source mapping: it takes a queue's messages to a function.
type mapping struct {
	UUID     string    `json:"uuid"`
	Queue    string    `json:"queue"`
	Function string    `json:"function"`
	Size     int       `json:"size"` // the most messages of a batch
	Partial  bool      `json:"partial"`
	Enabled  bool      `json:"enabled"`
	Modified time.Time `json:"modified"`

	number int64
	gone   bool // it was deleted
}

// minHidden is the least time for which a message of a batch is hidden: with a timeout of 0 a
// function that fails would be called without a pause.
const minHidden = time.Second

// start has a mapping's messages delivered, one batch at a time, until Close or its deletion. The
// caller holds the lock. The
// values of ctx are kept, and its end does not end the deliveries.
func (s *Service) start(ctx context.Context, m *mapping) {
	if s.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() {
		defer cancel()
		for s.deliverNext(ctx, m) {
		}
	})
}

// deliverNext delivers the next batch, or waits until there may be one. It returns false when there
// will be none any more.
func (s *Service) deliverNext(ctx context.Context, m *mapping) bool {
	s.mu.Lock()
	q := s.queues[m.Queue]
	if s.closed || m.gone || q == nil {
		s.mu.Unlock()
		return false
	}
	var taken []*message
	if m.Enabled {
		taken = s.receive(q, m.Size, max(q.Visibility, minHidden))
	}
	next, changed := q.next(), s.changed
	b := batchOf(q, taken, m.Partial)
	if len(taken) > 0 {
		s.busy++
	}
	s.mu.Unlock()
	if len(taken) == 0 {
		s.await(ctx, next, changed)
		return true
	}
	s.handled(q, taken, b, s.deliver(ctx, m.Function, b))
	return true
}

// await waits until a time of the clock, the zero time for ever, and no longer than until the next
// change or Close.
func (s *Service) await(ctx context.Context, next time.Time, changed <-chan struct{}) {
	if next.IsZero() {
		select {
		case <-changed:
		case <-s.done:
		}
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-changed:
		case <-s.done:
		case <-ctx.Done():
		}
	}()
	_ = s.clock.Wait(ctx, next) // whatever ended it, the queue is looked at again
}

// handled deletes the messages of a batch that do not come again. The others are hidden until their
// visibility timeout has passed. A message that was received anew meanwhile is left.
func (s *Service) handled(q *queue, taken []*message, b Batch, again []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := map[string]bool{}
	for _, id := range again {
		failed[id] = true
	}
	for i, m := range taken {
		receipt := b.receipts()[i]
		if !failed[m.ID] && m.Receipt == receipt {
			s.remove(q, m)
		}
	}
	s.busy--
	s.change()
}

// receipts are the receipt handles of the batch's messages.
func (b Batch) receipts() []string {
	records, _ := b.Event["Records"].([]map[string]any) // batchOf makes no other
	all := make([]string, len(records))
	for i, record := range records {
		all[i], _ = record["receiptHandle"].(string)
	}
	return all
}

// batchOf is the event of messages (docs.aws.amazon.com/lambda, "with-sqs").
func batchOf(q *queue, messages []*message, partial bool) Batch {
	b := Batch{Partial: partial}
	records := make([]map[string]any, 0, len(messages))
	for _, m := range messages {
		b.IDs = append(b.IDs, m.ID)
		records = append(records, map[string]any{
			"messageId": m.ID, "receiptHandle": m.Receipt, "body": m.Body, "md5OfBody": m.sum(), "attributes": m.attributes(),
			"messageAttributes": map[string]any{}, "eventSource": "aws:sqs", "eventSourceARN": arnOf(q.Name), "awsRegion": region,
		})
	}
	b.Event = map[string]any{"Records": records}
	return b
}

// attributes are the system's attributes of a message that was received.
func (m *message) attributes() map[string]string {
	return map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(m.Received),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.First.UnixMilli(), 10),
		"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
		"SenderId":                         account,
	}
}
