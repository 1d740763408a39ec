package actors

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/modelstream/modelserver/actors/lifecycle"
	"github.com/modelstream/modelserver/messages"
	"github.com/modelstream/modelserver/model"
	"github.com/modelstream/modelserver/record"
)

// onOffer takes a descriptor, or keeps it until there is room: those who bring
// descriptors wait for what becomes of them, and so bound how many there are.
func (a *modelActor) onOffer(ctx actor.Context, o *offer) {
	a.touched = true
	switch {
	case !a.recovered:
		a.early = append(a.early, o)
		return
	case len(a.backlog) > 0 || !a.place(ctx, o):
		a.queueOffer(ctx, o)
	}
	a.arm()
}

// queueOffer keeps a descriptor that finds no room. The same one that is offered
// again takes no more of it.
func (a *modelActor) queueOffer(ctx actor.Context, o *offer) {
	for _, w := range a.backlog {
		if samePlace(w.from, o.from) {
			w.replyTo = o.replyTo
			return
		}
	}
	a.backlog = append(a.backlog, o)
	a.activate(ctx) // only loading makes room
}

func samePlace(a, b *messages.Source) bool {
	return a != nil && b != nil && a.GetTopic() == b.GetTopic() && a.GetPartition() == b.GetPartition() && a.GetOffset() == b.GetOffset()
}

// drainBacklog takes what had found no room.
func (a *modelActor) drainBacklog(ctx actor.Context) {
	for len(a.backlog) > 0 && a.place(ctx, a.backlog[0]) {
		a.backlog = a.backlog[1:]
	}
}

// place hands a descriptor to the lifecycle, unless it has no room.
func (a *modelActor) place(ctx actor.Context, o *offer) bool {
	accepted, artifact := accept(o)
	g, effects := a.machine.Offer(accepted)
	switch {
	case g == nil && len(effects) == 0:
		return false
	case len(effects) > 0 && effects[0].Kind == lifecycle.Settle:
		// Nothing new: the answer is in the effects, and it is for o alone.
		for _, e := range effects {
			a.tell(o.replyTo, e)
		}
		return true
	case len(effects) > 0 && artifact != nil:
		a.inline[g.Number()] = artifact
	}
	if o.replyTo != nil {
		a.waiters[g.Number()] = append(a.waiters[g.Number()], o.replyTo)
	}
	a.floor = record.Place{}
	a.apply(ctx, effects)
	return true
}

// accept turns a descriptor into the event that is stored when it becomes a
// generation, and the artifact if it came by value. But for the time, it is the
// same on every server.
func accept(o *offer) (*messages.ModelAccepted, []byte) {
	d := o.descriptor
	e := &messages.ModelAccepted{
		Name: d.GetName(), Description: d.GetDescription(), Version: d.GetVersion(),
		DataType: d.GetDataType(), Type: TypeName(d), Sha256: strings.ToLower(d.GetSha256()),
		Location: d.GetLocation(), Options: maps.Clone(d.GetOptions()), Source: o.from,
		AcceptedTimeMs: time.Now().UnixMilli(), EffectiveFromMs: d.GetEffectiveFromMs(),
	}
	data, inline := d.GetContent().(*messages.ModelDescriptor_Data)
	if !inline {
		return e, nil
	}
	if e.Sha256 == "" {
		e.Sha256 = model.NewArtifact(data.Data).SHA256
	}
	return e, data.Data
}

// TypeName returns the name of a descriptor's model type: the one it gives, or
// that of its enum.
func TypeName(d *messages.ModelDescriptor) string {
	if t := d.GetType(); t != "" {
		return t
	}
	switch d.GetModeltype() {
	case messages.ModelDescriptor_TENSORFLOW:
		return "tensorflow"
	case messages.ModelDescriptor_TENSORFLOWSAVED:
		return "tensorflow-saved"
	case messages.ModelDescriptor_PMML:
		return "pmml"
	}
	return fmt.Sprintf("modeltype %d", d.GetModeltype())
}
