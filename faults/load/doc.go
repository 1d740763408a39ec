// Package load makes what flows through a cluster under test: records at a
// steady rate, models that replace each other meanwhile, and a ledger of what
// the brokers have acknowledged.
//
// Everything explains itself. A record carries a number that no other one has,
// and an x. A model is a tiny PMML document that gives the number back, names
// its version, and computes slope·x + intercept: so a result proves which record
// and which model made it. Whoever reads the topics afterwards decodes all that
// the checker needs from the messages alone ([DecodeRecord], [DecodeModel]); the
// ledger adds only what must be there.
//
// There are two topics of records, of two formats, and data types of two kinds:
// models of the one kind score what arrives, those of the other from a record
// time on. Some models are bad, each in one of a few ways; some records of the
// JSON topic cannot be read, or lack their x. Records' times are out of order.
//
// A [Load] runs on goroutines of its own from [Start] to [Load.Stop]. Its client
// retries for ever; a broker that stays away makes Stop wait, within its
// context.
package load
