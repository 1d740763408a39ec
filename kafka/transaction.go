package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// With exactly-once delivery everything that the ingestion produces is part of a
// transaction, which is ended at each commit: results, dead letters, progress
// and offsets become visible together or not at all. Scoring does not wait for
// it; only producing does, from the moment the transaction is sealed until the
// next one has begun.
//
// There is one way to deal with failure. Whatever goes wrong, also where nobody
// can say whether the transaction was committed, the session is renewed: the new
// client's first request aborts what is open under the transactional id, and the
// committed offsets, which the group hands out only when no transaction is
// pending on them, say what has to be done again.

// transactionVersion is the broker's feature that makes a producer's epoch go up
// with each transaction (KIP-890): without it, a request that was delayed on its
// way can end up in a later transaction.
const transactionVersion = 2

// transactional returns the client's options for exactly-once delivery.
func (c *Config) transactional() []kgo.Opt {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), 5) // 6 names topics by ids that only the client knows
	return []kgo.Opt{
		kgo.ClientID(c.Transactions.ID), // others see by it who is alive: see fence.go
		kgo.TransactionalID(c.Transactions.ID),
		kgo.TransactionTimeout(c.transactionTimeout()),
		kgo.MaxVersions(versions),
		// A transaction begins while the broker still completes the one before,
		// which takes it some milliseconds: the client's own first pause is 250.
		kgo.RetryBackoffFn(func(failures int) time.Duration {
			return backoff(3*time.Millisecond, 2*time.Second, failures)
		}),
	}
}

// transactionsReady: the broker can do what exactly-once delivery needs, and
// what an earlier client has left open is aborted.
type transactionsReady struct{}

// prepareTransactions checks the brokers until they will do, and fences earlier
// clients with the same transactional id.
func (r *Records) prepareTransactions(s *session) {
	told := ""
	for n := 1; ; n++ {
		err := r.checkTransactions(s)
		if err == nil {
			_, _, err = s.client.ProducerID(s.ctx)
			if err != nil {
				err = fmt.Errorf("get a producer id for transactions: %w", err)
			}
		}
		if s.ctx.Err() != nil {
			return
		}
		r.status.transactions(err)
		if err == nil {
			s.tell(transactionsReady{})
			return
		}
		if n > 3 && told != err.Error() { // coordinators may just be starting
			told = err.Error()
			r.log.Error("exactly-once delivery is not possible yet; nothing is produced until it is", "error", err)
		}
		if !s.pause(backoff(50*time.Millisecond, topicCheck, n)) {
			return
		}
	}
}

// checkTransactions says what the brokers lack.
func (r *Records) checkTransactions(s *session) error {
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = "modelserver", "dev"
	response, err := request.RequestWith(ctx, s.client)
	if err != nil {
		return fmt.Errorf("ask the brokers for their features: %w", err)
	}
	var version int16
	for _, f := range response.FinalizedFeatures {
		if f.Name == "transaction.version" {
			version = f.MaxVersionLevel
		}
	}
	if version < transactionVersion {
		return fmt.Errorf("exactly-once delivery needs the brokers' feature transaction.version=%d, and they have %d: "+
			"raise it with \"kafka-features.sh upgrade --feature transaction.version=%d\" (Kafka 4.0 or later), or set kafka.delivery to at-least-once",
			transactionVersion, version, transactionVersion)
	}
	return r.checkBatchBytes(ctx, s)
}

// checkBatchBytes makes sure that what is too large is refused by the client,
// one record at a time: what a broker refuses spoils the transaction.
func (r *Records) checkBatchBytes(ctx context.Context, s *session) error {
	topics := []string{r.config.Results.Topic}
	for _, t := range []string{r.config.DeadLetters.Topic, r.config.Progress.Topic} {
		if t != "" {
			topics = append(topics, t)
		}
	}
	configs, err := kadm.NewClient(s.client).DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return fmt.Errorf("look up the topics' max.message.bytes: %w", err)
	}
	var errs []error
	for _, c := range configs {
		if errors.Is(c.Err, kerr.UnknownTopicOrPartition) || errors.Is(c.Err, kerr.TopicAuthorizationFailed) {
			continue // told elsewhere; or not ours to know
		}
		for _, kv := range c.Configs {
			limit, err := strconv.ParseInt(kv.MaybeValue(), 10, 64)
			if kv.Key == "max.message.bytes" && err == nil && limit < int64(r.config.Producer.BatchBytes) {
				errs = append(errs, fmt.Errorf("kafka.producer.batch_bytes is %d, but topic %s takes only %d (max.message.bytes): lower the one or raise the other",
					r.config.Producer.BatchBytes, c.Name, limit))
			}
		}
	}
	return errors.Join(errs...)
}

// begin starts the next transaction; from now on is produced into it.
func (r *recordsActor) begin() {
	if err := r.session.client.BeginTransaction(); err != nil {
		r.stale = "a transaction cannot begin: " + err.Error()
		return
	}
	r.commits.stage, r.commits.produced = producing, false
	for _, part := range r.parts {
		r.advance(part)
	}
	r.checkLeaving(time.Now())
}

// seal lets nothing more into the transaction. It is ended when the broker has
// acknowledged all that is in it.
func (r *recordsActor) seal() {
	s := r.session
	r.commits.stage = sealed
	r.commits.sealedAt = time.Now()
	go func() { _ = s.client.Flush(s.ctx) }() // do not linger; each output says itself what became of it
	r.endSealed()
}

// endSealed ends a sealed transaction when nothing is on its way any more.
func (r *recordsActor) endSealed() {
	if r.commits.stage != sealed {
		return
	}
	for _, part := range r.parts {
		if part.sent > 0 {
			return
		}
	}
	due, changed := r.due()
	letters, err := r.progressRecords(changed)
	if err != nil {
		r.stale = err.Error()
		return
	}
	s := r.session
	ctx, cancel := context.WithTimeout(s.ctx, r.config.Group.SessionTimeout)
	r.commits.cancel, r.commits.stage = cancel, ending
	started := r.commits.sealedAt
	go func() {
		err := r.endTransaction(ctx, s.client, due, letters)
		r.committing(time.Since(started), err)
		s.tell(&committed{offsets: due, err: err})
	}()
}

// endTransaction writes progress and offsets and commits. It returns nil only
// when the broker has confirmed it all.
func (r *Records) endTransaction(ctx context.Context, client *kgo.Client, due offsets, letters []*kgo.Record) error {
	written := make(chan error, 1)
	go func() { written <- produceAll(ctx, client, letters) }()
	go func() { _ = client.Flush(ctx) }() // do not linger: nothing else is on its way
	err := r.commitInTransaction(ctx, client, due)
	if err := errors.Join(err, <-written); err != nil {
		return err
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("end the transaction: %w", err)
	}
	return nil
}

// produceAll produces records and waits for these, and not for others that the
// client has: with at-least-once delivery there always are some.
func produceAll(ctx context.Context, client *kgo.Client, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	failures := make(chan error, len(records))
	for _, r := range records {
		client.Produce(ctx, r, func(_ *kgo.Record, err error) { failures <- err })
	}
	for range records {
		var err error
		select {
		case err = <-failures:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("write progress: %w", err)
		}
	}
	return nil
}

// commitInTransaction makes offsets part of the transaction. The group's
// coordinator refuses them when this member is not what it was (KIP-447): so a
// server that was taken for dead cannot commit.
func (r *Records) commitInTransaction(ctx context.Context, client *kgo.Client, due offsets) error {
	id, epoch, err := client.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("the producer's id: %w", err)
	}
	request := kmsg.NewPtrTxnOffsetCommitRequest()
	request.TransactionalID, request.Group = r.config.Transactions.ID, r.config.Group.ID
	request.ProducerID, request.ProducerEpoch = id, epoch
	request.MemberID, request.Generation = client.GroupMetadata()
	if r.config.Group.InstanceID != "" {
		request.InstanceID = &r.config.Group.InstanceID
	}
	owner := ownerMark + r.config.Transactions.ID
	for topic, parts := range due {
		t := kmsg.NewTxnOffsetCommitRequestTopic()
		t.Topic = topic
		for number, at := range parts {
			p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset, p.LeaderEpoch = number, at.Offset, at.Epoch
			p.Metadata = &owner
			t.Partitions = append(t.Partitions, p)
		}
		request.Topics = append(request.Topics, t)
	}
	member := request.MemberID
	for n := 1; ; n++ {
		err := tryCommitInTransaction(ctx, client, request)
		switch {
		case brokerIsNotReady(err):
		case regrouping(err):
			// The group is shared out anew. Our partitions are still ours, or we
			// would have been told: giving one up waits for this commit, and losing
			// one cuts it short.
			if request.MemberID, request.Generation = client.GroupMetadata(); request.MemberID != member {
				return err
			}
		default:
			return err
		}
		select {
		case <-time.After(min(time.Duration(n)*time.Millisecond, 20*time.Millisecond)):
		case <-ctx.Done():
			return err
		}
	}
}

func tryCommitInTransaction(ctx context.Context, client *kgo.Client, request *kmsg.TxnOffsetCommitRequest) error {
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("commit offsets in the transaction: %w", err)
	}
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("commit the offset of %s/%d in the transaction: %w", t.Topic, p.Partition, err)
			}
		}
	}
	return nil
}

// regrouping says that offsets can be committed when the group has its new
// generation.
func regrouping(err error) bool {
	return errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress)
}

// brokerIsNotReady says that offsets can be committed in the same transaction a
// moment later: the one before is still being completed, or a coordinator has
// just moved. To commit them twice changes nothing.
func brokerIsNotReady(err error) bool {
	for _, passing := range []error{
		kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable,
		kerr.NotCoordinator, kerr.UnknownTopicOrPartition, kerr.RequestTimedOut,
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}
