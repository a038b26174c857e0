package event

// scfTimer is the event of SCF's timer trigger (SCF doc 583/9708), and of an EventBridge rule whose input is written
// like it, which AWS passes on word for word. Message is what the trigger was deployed with.
//
// scf-go-lib's events.TimerEvent has the same four strings but no tags, so it takes `message` for Message as well.
type scfTimer struct{}

func (scfTimer) made(p *parts) bool {
	return p.fields.is("Type", "Timer") && p.fields.has("TriggerName")
}

func (scfTimer) read(p *parts, e *Event) {
	e.Timer = TimerTick{
		Name:    p.text(p.fields, "TriggerName"),
		Message: p.text(p.fields, "Message"),
		Time:    p.text(p.fields, "Time"),
	}
}
