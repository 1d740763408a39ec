package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/modelstream/modelserver/record"
)

// TestARebalanceLosesAndRepeatsNothing: a member that gives partitions up
// finishes and commits what is in flight first.
func TestARebalanceLosesAndRepeatsNothing(t *testing.T) { rebalance(t, newWorld(t)) }

func rebalance(t *testing.T, w *world) {
	const rounds, n = 40, 25
	first := w.start()
	members := []*ingestion{first}
	for round := range rounds {
		for p := range int32(testPartitions) {
			w.produce(p, "wine", numbers(round*n, round*n+n)...)
		}
		switch round {
		case 10:
			members = append(members, w.start())
			eventually(t, "two members share the partitions", func() bool { return spread(members) })
		case 20:
			members = append(members, w.start())
			eventually(t, "three members share the partitions", func() bool { return spread(members) })
		case 30:
			first.drain(t)
			members = members[1:]
		}
	}
	got := values(w.read("out", testPartitions*rounds*n))
	for p := range int32(testPartitions) {
		if !slices.Equal(got[p], numbers(0, rounds*n)) {
			t.Errorf("partition %d: %d results, in order: %v", p, len(got[p]), got[p])
		}
	}
	for _, m := range members {
		m.drain(t)
	}
	if n, want := w.count("out"), int64(testPartitions*rounds*n); n != want {
		t.Errorf("%d results, want %d: some records were read again", n, want)
	}
	for p := range int32(testPartitions) {
		if at := w.committed(p); at != rounds*n {
			t.Errorf("partition %d: committed %d, want %d", p, at, rounds*n)
		}
	}
}

// spread says that each member has partitions, and each partition a member.
func spread(members []*ingestion) bool {
	n := 0
	for _, m := range members {
		has := len(m.Stats().Partitions)
		if has == 0 {
			return false
		}
		n += has
	}
	return n == testPartitions
}

// TestARevocationWaitsForAcknowledgements before it commits and gives up.
func TestARevocationWaitsForAcknowledgements(t *testing.T) {
	w := newWorld(t)
	first := w.start()
	for p := range int32(testPartitions) {
		w.produce(p, "wine", "a")
	}
	w.read("out", testPartitions)
	held, release := w.holdProduce("out")
	for p := range int32(testPartitions) {
		w.produce(p, "wine", "b")
	}
	<-held
	second := w.start()
	eventually(t, "the first member gives partitions up", func() bool {
		info := w.cluster.GroupInfo(w.config.Group.ID)
		return info != nil && len(info.Members) == 2 && info.NumAssigned() < testPartitions
	})
	if n := len(second.Stats().Partitions); n != 0 {
		t.Fatalf("the second member has %d partitions while results of the first are not acknowledged", n)
	}
	close(release)
	eventually(t, "the second member has partitions", func() bool { return len(second.Stats().Partitions) > 0 })
	for p := range int32(testPartitions) {
		w.produce(p, "wine", "c")
	}
	got := values(w.read("out", 3*testPartitions))
	for p := range int32(testPartitions) {
		if !slices.Equal(got[p], []string{"a", "b", "c"}) {
			t.Errorf("partition %d: %v", p, got[p])
		}
	}
	first.drain(t)
	second.drain(t)
	if n := w.count("out"); n != 3*testPartitions {
		t.Errorf("%d results, want %d", n, 3*testPartitions)
	}
}

// TestARevocationDoesNotWaitForEver: what is not scored in time is left to the
// next owner.
func TestARevocationDoesNotWaitForEver(t *testing.T) {
	w := newWorld(t)
	w.config.Group.RebalanceTimeout = time.Second
	w.config.Records.HoldAfter = time.Hour
	first := w.start()
	first.scorer.set(silent)
	for p := range int32(testPartitions) {
		w.produce(p, "wine", "a")
	}
	eventually(t, "all are being scored", func() bool { return first.Stats().InFlight == testPartitions })
	second := w.start()
	eventually(t, "the second member scores some again", func() bool { return len(second.scorer.seen()) > 0 })
	for _, b := range first.scorer.seen() {
		first.scorer.answer(echo(b)) // of partitions that it has no more: ignored
	}
	w.read("out", testPartitions)
	first.drain(t)
	second.drain(t)
	if n := w.count("out"); n != testPartitions {
		t.Errorf("%d results, want %d", n, testPartitions)
	}
}

// TestLostPartitionsAreNotCommitted: a member that the group has forgotten
// drops what is in flight, joins again, and reads from the committed offsets.
func TestLostPartitionsAreNotCommitted(t *testing.T) {
	w := newWorld(t)
	w.config.Group.SessionTimeout = time.Second
	in := w.start()
	w.produce(0, "wine", "a", "b")
	w.read("out", 2)
	eventually(t, "both are committed", func() bool { return w.committed(0) == 2 })
	in.scorer.set(silent)
	w.produce(0, "wine", "c")
	eventually(t, "it is being scored", func() bool { return in.Stats().InFlight == 1 })
	batch := in.scorer.seen()[len(in.scorer.seen())-1]

	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: w.config.Group.ID, TopLevel: true, Err: kerr.UnknownMemberID})
	eventually(t, "it is read and sent again", func() bool {
		seen := in.scorer.seen()
		last := seen[len(seen)-1]
		return last != batch && &last.Records[0] != &batch.Records[0]
	})
	in.scorer.answer(echo(batch)) // of before: must neither be produced nor committed
	seen := in.scorer.seen()
	in.scorer.answer(echo(seen[len(seen)-1]))
	if got := values(w.read("out", 3))[0]; !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("results %v", got)
	}
	in.drain(t)
	if n, at := w.count("out"), w.committed(0); n != 3 || at != 3 {
		t.Errorf("%d results, committed %d; want 3 and 3", n, at)
	}
}

func TestDrainFinishesWhatIsInFlight(t *testing.T) {
	w := newWorld(t)
	in := w.start()
	in.scorer.set(silent)
	w.produce(0, "wine", numbers(0, 10)...)
	eventually(t, "all are being scored", func() bool { return len(in.scorer.seen()) > 0 })
	drained := make(chan error, 1)
	go func() { drained <- in.Drain(w.context()) }()
	eventually(t, "it says that it drains", func() bool {
		err := in.Health()
		return err != nil && strings.Contains(err.Error(), "draining")
	})
	w.produce(0, "wine", "late") // must not be read any more
	select {
	case err := <-drained:
		t.Fatalf("drained although nothing was scored: %v", err)
	default:
	}
	for _, b := range in.scorer.seen() {
		in.scorer.answer(echo(b))
	}
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	if at, n := w.committed(0), w.count("out"); at != 10 || n != 10 {
		t.Errorf("committed %d, %d results; want 10 and 10", at, n)
	}
	if info := w.cluster.GroupInfo(w.config.Group.ID); len(info.Members) != 0 {
		t.Errorf("%d members are left in the group", len(info.Members))
	}
	if err := in.Drain(w.context()); err != nil {
		t.Errorf("a second drain: %v", err)
	}
}

func TestDrainGivesUpAtItsDeadline(t *testing.T) {
	w := newWorld(t)
	in := w.start()
	w.produce(0, "wine", numbers(0, 4)...)
	w.read("out", 4)
	in.scorer.set(silent)
	w.produce(0, "wine", numbers(4, 10)...)
	eventually(t, "they are being scored", func() bool { return in.Stats().InFlight == 6 })
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err := in.Drain(ctx)
	if err == nil || !strings.Contains(err.Error(), "6 records were not finished") {
		t.Errorf("drain: %v", err)
	}
	if at := w.committed(0); at != 4 {
		t.Errorf("committed %d, want 4", at)
	}
	again := w.start()
	if got := values(w.read("out", 10))[0]; !slices.Equal(got, numbers(0, 10)) {
		t.Errorf("results %v", got)
	}
	again.drain(t)
}

func TestDrainDoesNotWaitForHeldPartitions(t *testing.T) {
	w := newWorld(t)
	in := w.start(func(c *Config) { c.Records.NoModel, c.Records.HoldAfter = NoModelHold, 20*time.Millisecond })
	in.scorer.set(silent)
	w.produce(0, "wine", "a")
	eventually(t, "the partition is held", func() bool { return in.Stats().Held == 1 })
	err := in.Drain(w.context())
	if err == nil || !strings.Contains(err.Error(), "1 records were not finished") {
		t.Errorf("drain: %v", err)
	}
}

// TestAStaticMemberStops: it leaves, so that others take over at once, unless it
// is to stay, so that its own restart is no rebalance.
func TestAStaticMemberStops(t *testing.T) {
	for _, leave := range []bool{true, false} {
		t.Run(fmt.Sprintf("leave %v", leave), func(t *testing.T) {
			w := newWorld(t)
			w.config.Group.InstanceID, w.config.Group.LeaveOnStop = "node-1", leave
			for i := range 2 {
				in := w.start()
				w.produce(0, "wine", fmt.Sprint(i))
				w.read("out", i+1)
				in.drain(t)
				info := w.cluster.GroupInfo(w.config.Group.ID)
				if stays := len(info.Members) == 1 && *info.Members[0].InstanceID == "node-1"; stays == leave {
					t.Fatalf("members %+v", info.Members)
				}
			}
			if n, at := w.count("out"), w.committed(0); n != 2 || at != 2 {
				t.Errorf("%d results, committed %d; want 2 and 2", n, at)
			}
		})
	}
}

// TestAPanicRestartsFromTheCommittedOffsets: the supervisor restarts the actor,
// which loses nothing.
func TestAPanicRestartsFromTheCommittedOffsets(t *testing.T) {
	w := newWorld(t)
	in := w.start()
	w.produce(0, "wine", "a")
	w.read("out", 1)
	eventually(t, "it is committed", func() bool { return w.committed(0) == 1 })
	var once atomic.Bool
	in.scorer.set(func(b *record.Batch) *record.Scored {
		if once.CompareAndSwap(false, true) {
			panic("a bug")
		}
		return echo(b)
	})
	w.produce(0, "wine", "b", "c")
	if got := values(w.read("out", 3))[0]; !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("results %v", got)
	}
	in.drain(t)
	if at := w.committed(0); at != 3 {
		t.Errorf("committed %d, want 3", at)
	}
}
