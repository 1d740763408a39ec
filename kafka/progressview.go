package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/modelstream/modelserver/messages"
)

// progressView follows the progress topic: what all members of the group have
// come to. A partition's new owner takes over from it, and the group's
// statistics are read from it.
//
// That it is complete for a partition is known by a barrier: a message of our
// own, written after the partition was assigned, has been read back. Everything
// that was written before is older then, and transactions that were open have
// ended, since committed records are read.
type progressView struct {
	records *Records
	session *session
	client  *kgo.Client
	ready   chan struct{} // closed when the topic's partitions are known

	mu       sync.Mutex
	count    int32 // the topic's partitions
	entries  map[partitionID]map[string]*messages.Progress
	barriers map[string]chan struct{} // by their token
}

// barrierKey is the key of barriers. Like each key of the topic it is kept once.
func barrierKey(client string) []byte { return []byte("barrier\x00" + client) }

func newProgressView(r *Records, s *session) *progressView {
	return &progressView{
		records: r, session: s, ready: make(chan struct{}),
		entries: map[partitionID]map[string]*messages.Progress{}, barriers: map[string]chan struct{}{},
	}
}

// run follows the topic until the session ends.
func (v *progressView) run() {
	r, ctx := v.records, v.session.ctx
	opts, err := r.config.clientOptions(r.log, nil)
	if err == nil {
		v.client, err = kgo.NewClient(append(opts,
			kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.FetchMaxWait(100*time.Millisecond), // how long a partition's owner may have to wait for its own barrier
			kgo.UnknownTopicRetries(-1),
			kgo.MetadataMinAge(50*time.Millisecond), // it may just have been made
		)...)
	}
	if err != nil {
		r.status.progress(fmt.Errorf("make the Kafka client: %w", err))
		return
	}
	defer v.client.Close()
	if !v.begin() {
		return
	}
	for {
		fetches := v.client.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		err := fetches.Err()
		r.status.progress(err)
		if errors.Is(err, kerr.UnknownTopicID) {
			v.session.tell(&remade{topic: r.config.Progress.Topic})
		}
		v.mu.Lock()
		fetches.EachRecord(v.apply)
		v.mu.Unlock()
		if err != nil && !v.session.pause(pollErrorPause) {
			return
		}
	}
}

// begin finds the topic, or makes it, and starts to read it.
func (v *progressView) begin() bool {
	r, told := v.records, ""
	for n := 1; ; n++ {
		starts, err := v.find()
		if v.session.ctx.Err() != nil {
			return false
		}
		r.status.progress(err)
		if err == nil {
			v.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{r.config.Progress.Topic: starts})
			v.mu.Lock()
			v.count = int32(len(starts))
			v.mu.Unlock()
			close(v.ready)
			return true
		}
		if n > 3 && told != err.Error() { // brokers know a new topic a moment later
			told = err.Error()
			r.log.Warn("the progress topic is not ready; nothing is scored until it is", "error", err)
		}
		if !v.session.pause(backoff(20*time.Millisecond, topicCheck, n)) {
			return false
		}
	}
}

// find returns where the topic's partitions start.
func (v *progressView) find() (map[int32]kgo.Offset, error) {
	ctx, cancel := context.WithTimeout(v.session.ctx, 30*time.Second)
	defer cancel()
	topic := v.records.config.Progress.Topic
	starts, err := tailStarts(ctx, v.client, topic, true)
	var missing *MissingTopicsError
	if errors.As(err, &missing) || errors.Is(err, kerr.UnknownTopicOrPartition) {
		if err := v.make(ctx, topic); err != nil {
			return nil, err
		}
		return tailStarts(ctx, v.client, topic, true)
	}
	return starts, err
}

// make creates the topic: it is ours alone, and there is only one right way.
func (v *progressView) make(ctx context.Context, topic string) error {
	adm := kadm.NewClient(v.client)
	var names []string
	for i := range v.records.topics {
		names = append(names, v.records.topics[i].Config.Topic)
	}
	inputs, err := adm.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("look up topics: %w", err)
	}
	partitions := int32(1)
	for _, t := range inputs {
		partitions = max(partitions, int32(len(t.Partitions)))
	}
	made, err := adm.CreateTopic(ctx, partitions, -1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, topic)
	if err == nil {
		err = made.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w; create it yourself with cleanup.policy=compact and %d partitions, or set kafka.progress.topic to \"\" to do without", topic, err, partitions)
	}
	v.records.log.Info("created the progress topic", "topic", topic, "partitions", partitions)
	return nil
}

// apply takes a message of the topic. Later ones replace earlier ones.
func (v *progressView) apply(rec *kgo.Record) {
	if slices.Equal(rec.Key, barrierKey(v.records.config.ClientID)) {
		if read := v.barriers[string(rec.Value)]; read != nil {
			close(read)
			delete(v.barriers, string(rec.Value))
		}
		return
	}
	m := &messages.Progress{}
	if err := proto.Unmarshal(rec.Value, m); err != nil || m.GetGroup() != v.records.config.Group.ID || m.GetSource() == nil {
		return // another group's, another server's barrier, or nobody's
	}
	id := partitionID{m.GetSource().GetTopic(), m.GetSource().GetPartition()}
	if v.entries[id] == nil {
		v.entries[id] = map[string]*messages.Progress{}
	}
	if known := v.entries[id][m.GetDataType()]; known.GetSource().GetOffset() <= m.GetSource().GetOffset() {
		v.entries[id][m.GetDataType()] = m // an older one is of a server that was taken for dead
	}
}

// of returns the progress of partitions, complete as of now.
func (v *progressView) of(ctx context.Context, ids []partitionID) (map[partitionID][]*messages.Progress, error) {
	select {
	case <-v.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	places := map[int32]bool{}
	for _, id := range ids {
		places[id.partition%v.count] = true
	}
	if err := v.barrier(ctx, slices.Collect(maps.Keys(places))); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	found := map[partitionID][]*messages.Progress{}
	for _, id := range ids {
		found[id] = slices.Collect(maps.Values(v.entries[id]))
	}
	return found, nil
}

// barrier returns when everything that is in these partitions now was read.
func (v *progressView) barrier(ctx context.Context, partitions []int32) error {
	waits := make([]chan struct{}, len(partitions))
	tokens := make([]string, len(partitions))
	v.mu.Lock()
	for i := range partitions {
		tokens[i] = rand.Text()
		waits[i] = make(chan struct{})
		v.barriers[tokens[i]] = waits[i]
	}
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, token := range tokens {
			delete(v.barriers, token)
		}
	}()
	var letters []*kgo.Record
	for i, number := range partitions {
		letters = append(letters, &kgo.Record{
			Topic: v.records.config.Progress.Topic, Partition: number,
			Key: barrierKey(v.records.config.ClientID), Value: []byte(tokens[i]),
		})
	}
	if err := v.client.ProduceSync(ctx, letters...).FirstErr(); err != nil {
		return fmt.Errorf("write a barrier to the progress topic: %w", err)
	}
	written := time.Now()
	slow := time.NewTicker(barrierPatience)
	defer slow.Stop()
	for _, read := range waits {
		for done := false; !done; {
			select {
			case <-read:
				done = true
			case <-slow.C:
				v.records.status.progress(fmt.Errorf("what was written to the progress topic %v ago cannot be read yet: "+
					"a transaction is open there; see kafka-transactions.sh find-hanging", time.Since(written).Round(time.Second)))
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	v.records.status.progress(nil)
	return nil
}

// barrierPatience is after how long a barrier that was not read back is reported.
const barrierPatience = 5 * time.Second

// restored: the progress of partitions that were assigned is known.
type restored struct {
	parts map[*partition][]*messages.Progress
}

// restore asks for the progress of partitions that were assigned; none of their
// records is scored before it is there.
func (r *recordsActor) restore(names map[string][]int32) {
	parts := r.partitions(names)
	if r.progress == nil {
		for _, part := range parts {
			part.restored = true
		}
		return
	}
	if len(parts) == 0 {
		return
	}
	ids := make([]partitionID, len(parts))
	for i, part := range parts {
		ids[i] = part.partitionID
	}
	s, view, began := r.session, r.progress, time.Now()
	go func() {
		for n := 1; ; n++ {
			found, err := view.of(s.ctx, ids)
			if s.ctx.Err() != nil {
				return
			}
			r.status.progress(err)
			if err == nil {
				m := &restored{parts: map[*partition][]*messages.Progress{}}
				for i, part := range parts {
					m.parts[part] = found[ids[i]]
				}
				took := time.Since(began)
				r.log.Info("the progress of partitions is known", "partitions", len(ids), "took", took)
				r.metrics.restoreTime.Record(s.ctx, took.Seconds())
				s.tell(m)
				return
			}
			r.log.Warn("the progress of partitions cannot be read; trying again until it can", "error", err)
			if !s.pause(backoff(100*time.Millisecond, 5*time.Second, n)) {
				return
			}
		}
	}()
}

func (r *recordsActor) restored(m *restored) {
	for part, stored := range m.parts {
		if r.parts[part.partitionID] == part {
			part.restore(stored)
			part.restored = true
		}
	}
	r.pumpAll()
}

// Progress returns what the group has come to, by partition and data type,
// complete as of now: all members' committed work.
func (r *Records) Progress(ctx context.Context) ([]*messages.Progress, error) {
	v := r.view.Load()
	if v == nil {
		return nil, errors.New("no progress is kept: kafka.progress.topic is not set, or ingestion does not run")
	}
	select {
	case <-v.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	all := make([]int32, v.count)
	for i := range all {
		all[i] = int32(i)
	}
	if err := v.barrier(ctx, all); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var found []*messages.Progress
	for _, id := range slices.SortedFunc(maps.Keys(v.entries), partitionID.compare) {
		for _, dataType := range slices.Sorted(maps.Keys(v.entries[id])) {
			found = append(found, proto.CloneOf(v.entries[id][dataType]))
		}
	}
	return found, nil
}
