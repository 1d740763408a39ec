package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The headers that Kafka Connect's dead-letter reporter writes: tools that know
// its dead-letter topics know ours.
const (
	headerPrefix           = "__connect.errors."
	headerTopic            = headerPrefix + "topic"
	headerPartition        = headerPrefix + "partition"
	headerOffset           = headerPrefix + "offset"
	headerConnectorName    = headerPrefix + "connector.name"
	headerTaskID           = headerPrefix + "task.id"
	headerStage            = headerPrefix + "stage"
	headerClassName        = headerPrefix + "class.name"
	headerExceptionClass   = headerPrefix + "exception.class.name"
	headerExceptionMessage = headerPrefix + "exception.message"
	headerExceptionTrace   = headerPrefix + "exception.stacktrace"
)

// stage is where processing failed; the names are Kafka Connect's.
type stage string

const (
	stageValueConverter stage = "VALUE_CONVERTER" // the payload could not be read
	stageTransformation stage = "TRANSFORMATION"  // it could not be scored, or the model not be loaded
	stageProduce        stage = "KAFKA_PRODUCE"   // its result was refused by the broker
)

// Classes of failures that have no class of their own in package model.
const (
	classNoDataType = "NoDataType"
	classNoModel    = "NoModel"
	classScoring    = "ScoringFailed"
	classRefused    = "ResultRefused"
	classDescriptor = "MalformedDescriptor"
	classRejected   = "ModelRejected"
)

// maxReasonBytes bounds the reason in a header: it may quote a stranger.
const maxReasonBytes = 4 << 10

// rejection says why a record is dead-lettered.
type rejection struct {
	stage stage
	class string
	err   error
}

// deadLetters makes dead letters.
type deadLetters struct {
	topic  string
	name   string // connector.name: the consumer group or client id
	taskID string // task.id: the instance id, or "0"
	actor  string // class.name: who gave up
}

// deadLetters returns what makes this process's dead letters.
func (c *Config) deadLetters() deadLetters {
	task := c.Group.InstanceID
	if task == "" {
		task = "0"
	}
	return deadLetters{topic: c.DeadLetters.Topic, name: c.Group.ID, taskID: task, actor: "ingest/records"}
}

// letter fills out with the dead letter of a record: its value and key as they
// were, its headers, and why. Reasons of an earlier stay in a dead-letter topic
// are replaced.
func (d *deadLetters) letter(out *kgo.Record, in *kgo.Record, why *rejection) {
	headers := make([]kgo.RecordHeader, 0, len(in.Headers)+10)
	for _, h := range in.Headers {
		if !strings.HasPrefix(h.Key, headerPrefix) {
			headers = append(headers, h)
		}
	}
	add := func(key, value string) {
		headers = append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	reason := shorten(why.err.Error(), maxReasonBytes)
	add(headerTopic, in.Topic)
	add(headerPartition, strconv.Itoa(int(in.Partition)))
	add(headerOffset, strconv.FormatInt(in.Offset, 10))
	add(headerConnectorName, d.name)
	add(headerTaskID, d.taskID)
	add(headerStage, string(why.stage))
	add(headerClassName, d.actor)
	add(headerExceptionClass, why.class)
	add(headerExceptionMessage, reason)
	add(headerExceptionTrace, why.class+": "+reason)
	*out = kgo.Record{
		Topic:     d.topic,
		Partition: in.Partition,
		Key:       in.Key,
		Value:     in.Value,
		Headers:   headers,
	}
}

// headerOmitted marks a dead letter that had to leave something behind.
const headerOmitted = "modelserver.omitted"

// lessen makes do with less when the broker refuses a dead letter for good:
// first without the value, then without the key and the record's own headers
// too. The rest says where the record is and what is missing here.
func (d *deadLetters) lessen(out *kgo.Record, in *kgo.Record, refused error) {
	if out.Value == nil {
		out.Key = nil
		out.Headers = slices.DeleteFunc(out.Headers, func(h kgo.RecordHeader) bool {
			return !strings.HasPrefix(h.Key, headerPrefix)
		})
	}
	reason := fmt.Sprintf("value of %d bytes: %v", len(in.Value), refused)
	if out.Key == nil && in.Key != nil {
		reason = fmt.Sprintf("key of %d bytes, headers, %s", len(in.Key), reason)
	}
	out.Value = nil
	out.Headers = append(out.Headers, kgo.RecordHeader{Key: headerOmitted, Value: []byte(shorten(reason, maxReasonBytes))})
}

// shorten cuts a text to at most n bytes, at a character's edge.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const more = "…"
	n -= len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + more
}
