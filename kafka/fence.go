package kafka

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A server that dies leaves a transaction open. Readers of committed records
// stand still before it until the broker finds that its time is over, which by
// default it looks for each ten seconds. The next owner of a partition need not
// wait: whose transaction it was is in the metadata of the partition's offset,
// and whether that server is alive is seen in the group. If it is not, asking for
// a producer id under its transactional id aborts what it has left.

// ownerMark begins the metadata of offsets that a transaction has committed; the
// transactional id follows. It is also the member's client id.
const ownerMark = "transactional-id="

// fenceDead aborts what dead members have left open that owned these partitions
// last. What cannot be found out is left to the broker.
func (r *Records) fenceDead(s *session, ids []partitionID) {
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	dead, err := r.deadOwners(ctx, s.client, ids)
	if err != nil {
		r.log.Warn("could not look for transactions of dead members; the broker aborts them later", "error", err)
		return
	}
	for _, id := range dead {
		if err := r.fence(ctx, id); err != nil {
			r.log.Warn("could not abort what a dead member has left open; the broker does it later", "transactional_id", id, "error", err)
			continue
		}
		r.log.Info("a member is gone; what it has left open is aborted", "transactional_id", id)
	}
}

// deadOwners returns the transactional ids of last owners that are not in the
// group any more.
func (r *Records) deadOwners(ctx context.Context, client *kgo.Client, ids []partitionID) ([]string, error) {
	adm := kadm.NewClient(client)
	committed, err := adm.FetchOffsets(ctx, r.config.Group.ID)
	if err != nil {
		return nil, fmt.Errorf("look up the group's offsets: %w", err)
	}
	owners := map[string]bool{}
	for _, id := range ids {
		at, ok := committed.Lookup(id.topic, id.partition)
		if owner, ours := strings.CutPrefix(at.Metadata, ownerMark); ok && ours && owner != r.config.Transactions.ID {
			owners[owner] = true
		}
	}
	if len(owners) == 0 {
		return nil, nil
	}
	groups, err := adm.DescribeGroups(ctx, r.config.Group.ID)
	if err == nil {
		err = groups.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("look up the group's members: %w", err)
	}
	for _, m := range groups[r.config.Group.ID].Members {
		delete(owners, m.ClientID)
	}
	var dead []string
	for owner := range owners {
		dead = append(dead, owner)
	}
	return dead, nil
}

// fence aborts what is open under a transactional id, and shuts its owner out.
func (r *Records) fence(ctx context.Context, id string) error {
	opts, err := r.config.clientOptions(r.log, nil)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(opts, kgo.TransactionalID(id), kgo.TransactionTimeout(r.config.transactionTimeout()))...)
	if err != nil {
		return err
	}
	defer client.Close()
	_, _, err = client.ProducerID(ctx)
	return err
}
