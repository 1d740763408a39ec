package persistencetest

import (
	"slices"
	"testing"
)

func TestExercisePassesAFaultlessStore(t *testing.T) { Exercise(t, fakeHarness(none)) }

// TestEveryFaultIsFound puts one fault after the other through the suite. The
// named check must find it, so that a check which cannot fail would show here.
func TestEveryFaultIsFound(t *testing.T) {
	found := make(map[string]bool)
	for _, test := range []struct {
		fault fault
		check string
	}{
		{nilRecovery, "an unknown id is empty"},
		{reversed, "events come back in order"},
		{lostEvent, "events come back in order"},
		{gapAccepted, "events out of turn are refused"},
		{otherRepeat, "events out of turn are refused"},
		{refusedLeavesID, "events out of turn are refused"},
		{sequenceOfNobody, "events out of turn are refused"},
		{repeatRefused, "repeating the last event changes nothing"},
		{anySize, "an event may be empty or large"},
		{unsortedIDs, "ids are apart and listed in order"},
		{mergedIDs, "ids are apart and listed in order"},
		{noSnapshotOnlyIDs, "ids are apart and listed in order"},
		{deleteKeepsLast, "delete forgets an id and no other"},
		{deleteByPrefix, "delete forgets an id and no other"},
		{eventsNotDurable, "events and ids survive a restart"},
		{reopenedDuplicates, "events and ids survive a restart"},
		{coveredEvents, "recovery is the newest snapshot and the events after it"},
		{nilSnapshot, "a snapshot may be empty"},
		{anySize, "a snapshot may be empty"},
		{firstOfEqual, "of equal numbers the later snapshot counts"},
		{lateSnapshotWins, "a snapshot that is older than two changes nothing"},
		{aheadIgnored, "a snapshot ahead of the events stands for them"},
		{wrapsAround, "numbers that leave no room are refused"},
		{keepsOneSnapshot, "two snapshots are kept and what they need"},
		{dropsTooMuch, "two snapshots are kept and what they need"},
		{dropsNothing, "two snapshots are kept and what they need"},
		{snapshotsVanish, "snapshots survive a restart"},
		{claimListed, "a claim is no content"},
		{sameEpoch, "epochs grow"},
		{deletedEpochs, "epochs grow"},
		{epochsVanish, "epochs grow over restarts"},
		{epochPerMoment, "claims at once get epochs of their own"},
		{noFence, "a zombie's event is refused"},
		{fencesNewOnly, "a zombie's event is refused"},
		{fencedByNobody, "a zombie's event is refused"},
		{snapshotsUnfenced, "a zombie's snapshot is refused"},
		{deletesUnfenced, "a zombie deletes nothing"},
		{epochsVanish, "a zombie is refused after a restart"},
		{deletedEpochs, "a zombie is refused after delete"},
		{noFence, "a zombie beside its successor never wins"},
		{snapshotsUnfenced, "a zombie beside its successor never wins"},
		{ownerLocked, "the next owner goes on where the last one ended"},
		{lostClaimsFenced, "an epoch that the store has lost is accepted"},
		{notAdopted, "an epoch that the store has lost is accepted"},
		{anyEpoch, "an epoch that nobody was given is refused"},
		{noGrace, "retain spares what was put within the grace"},
		{endlessGrace, "retain drops what was put before the grace"},
		{putOnce, "retain drops what was put before the grace"},
		{trustsSnapshots, "a damaged snapshot gives way to the one before it"},
		{silentDamage, "a damaged snapshot gives way to the one before it"},
		{noFallback, "a damaged snapshot gives way to the one before it"},
		{dropsTooMuch, "without a whole snapshot the events remain"},
		{trustsSnapshots, "two damaged snapshots leave the last number"},
		{damageEndsEvents, "a damaged event is passed over"},
		{damageLowersLast, "a damaged event is passed over"},
		{countsDamaged, "a damaged snapshot is not one of the two that are kept"},
		{trustsArtifacts, "a damaged artifact is refused and mended by putting it again"},
		{neverMends, "a damaged artifact is refused and mended by putting it again"},
		{noNotFound, "artifacts are found by their digest"},
		{anyDigest, "an artifact under another digest is refused"},
		{upperCase, "what is no digest is refused"},
		{keepsAll, "retain drops what is not kept"},
		{dropsAll, "retain drops what is not kept"},
		{artifactsVanish, "artifacts survive a restart"},
		{anyID, "ids that cannot be are refused"},
		{ignoresContext, "a cancelled context stops every method"},
		{keepsSlices, "slices are not shared with the caller"},
		{sharesSlices, "slices are not shared with the caller"},
		{torn, "many ids are used at once"},
		{lastWriterWins, "one writer of an id wins each number"},
		{snapshotForgets, "random scripts do what a model of a store does"},
		{closeFails, "an unknown id is empty"},
	} {
		i := slices.IndexFunc(checks, func(c check) bool { return c.name == test.check })
		if i < 0 {
			t.Fatalf("there is no check %q", test.check)
		}
		h := fakeHarness(test.fault)
		if err := h.run(t, checks[i]); err == nil {
			t.Errorf("%q was not found by %q", test.fault, test.check)
		}
		found[test.check] = true
	}
	for _, c := range checks {
		if !found[c.name] {
			t.Errorf("no fault proves that %q can fail", c.name)
		}
	}
}
