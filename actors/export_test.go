package actors

import "time"

// SetTick sets how often ModelActors look after what takes too long.
func (c *Config) SetTick(d time.Duration) { c.tick = d }

// CleanArtifacts does what the janitor does now and then, as if every grace
// were over.
func (m *Models) CleanArtifacts() {
	m.janitor.grace = 0
	m.janitor.clean(10 * time.Second)
}

// CleanArtifactsNow does what the janitor does now and then.
func (m *Models) CleanArtifactsNow() { m.janitor.clean(10 * time.Second) }

// AskToLeave asks the supervisor in the name of a data type's ModelActor, whether
// that has something to do or not, to let it leave.
func (m *Models) AskToLeave(dataType string) {
	if pid := m.route(dataType).active(); pid != nil {
		m.system.Root.Send(m.supervisor, &leave{pid: pid})
	}
}
