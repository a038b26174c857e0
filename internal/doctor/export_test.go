package doctor

import "time"

// AskFor sets how long the question may take.
func (d *Doctor) AskFor(limit time.Duration) { d.question = limit }
