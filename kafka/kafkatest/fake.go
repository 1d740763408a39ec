package kafkatest

import (
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

// NewFake starts kfake in this process on free ports, with one broker and
// without topics unless opts say otherwise. The caller closes it.
//
// It advertises the versions of requests that its answers are right for; with
// the newest ones Java's admin client fails on three calls.
func NewFake(opts ...kfake.Opt) (*kfake.Cluster, error) {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(75, -1) // DescribeTopicPartitions: not known
	versions.SetMaxKeyVersion(19, 4)  // CreateTopics: before the replies carry configurations
	versions.SetMaxKeyVersion(16, 4)  // ListGroups: before types of groups
	defaults := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.MaxVersions(versions),
	}
	return kfake.NewCluster(append(defaults, opts...)...)
}

// Fake starts kfake for one test, see [NewFake].
func Fake(t TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := NewFake(opts...)
	if err != nil {
		t.Fatalf("start kfake: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}
