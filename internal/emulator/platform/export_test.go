package platform

import "context"

// StartOnPorts is Start with the choice of ports in the test's hands.
func StartOnPorts(ctx context.Context, spec Spec, pickPort func() (int, error)) (*Function, error) {
	return start(ctx, spec, pickPort)
}

// FreePort picks a port as Start does.
var FreePort = freePort

// IdleEnded is closed when the idle instance used last has ended.
func (f *Function) IdleEnded() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.idle[len(f.idle)-1].done
}

// LogWritten is closed when every line handed to the log until now is written.
func (f *Function) LogWritten() <-chan struct{} {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	if f.log.written != nil {
		return f.log.written
	}
	written := make(chan struct{})
	close(written)
	return written
}

// Live is the number of processes.
func (f *Function) Live() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.live)
}

// AddUserInfo is what a mini-program user's event becomes.
func AddUserInfo(payload []byte, appID, openID string) []byte {
	return user{appID: appID, openID: openID}.addTo(payload)
}
