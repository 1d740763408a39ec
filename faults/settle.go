package faults

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// settle waits until the group has committed every record. What is left when ctx
// ends is told.
func (c *cluster) settle(ctx context.Context) (left string, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.seeds()...))
	if err != nil {
		return "", err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for {
		left, err = c.uncommitted(ctx, admin)
		if err == nil && left == "" {
			return "", nil
		}
		if !wait(ctx, 50*time.Millisecond) {
			if left == "" && err != nil {
				left = err.Error()
			}
			return left + c.open(admin), nil
		}
	}
}

// uncommitted names the partitions that have records which are not committed.
func (c *cluster) uncommitted(ctx context.Context, admin *kadm.Client) (string, error) {
	ends, err := admin.ListEndOffsets(ctx, wineTopic, jsonTopic)
	if err != nil {
		return "", err
	}
	offsets, err := admin.FetchOffsets(ctx, groupID)
	if err != nil {
		return "", err
	}
	var left []string
	ends.Each(func(end kadm.ListedOffset) {
		committed, ok := offsets.Lookup(end.Topic, end.Partition)
		if end.Offset > 0 && (!ok || committed.At < end.Offset) {
			left = append(left, fmt.Sprintf("%s/%d at %d of %d", end.Topic, end.Partition, committed.At, end.Offset))
		}
	})
	return strings.Join(left, ", "), nil
}

// open names the transactions that are under way, as the brokers see them.
func (c *cluster) open(admin *kadm.Client) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	transactions, err := admin.DescribeTransactions(ctx)
	if err != nil {
		return fmt.Sprintf("; transactions: %v", err)
	}
	text := ""
	for _, t := range transactions.Sorted() {
		if t.State != "CompleteCommit" && t.State != "CompleteAbort" && t.State != "Empty" {
			text += fmt.Sprintf("; transaction %s (producer %d, epoch %d) is %s, since %v on %v", t.TxnID, t.ProducerID, t.ProducerEpoch,
				t.State, time.UnixMilli(t.StartTimestamp).Format(time.TimeOnly), t.Topics.Topics())
		}
	}
	return text
}
