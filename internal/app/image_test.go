//go:build sqlite && databases

package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudpay/internal/containertest"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/storetest"
)

// secretsFolder is where containers find their secrets.
const secretsFolder = "/run/secrets/"

// TestImageKilled is TestKilledSweeps with the services of compose.yaml in place of functions: the
// image's files, run as an engine would. web, by which the orders are registered, is killed as
// well.
func TestImageKilled(t *testing.T) {
	made := storetest.Postgres(t)
	image := containertest.Build(t, root)
	wantSmall(t, image)
	c := compose(t, image, newDeadly(t, made.Name, made.Empty(t)))
	c.oneShot("migrate")
	c.oneShot("migrate") // as after another compose up
	web := c.serve()
	c.registers = web.register
	for range 2 {
		sweep := c.create("sweep")
		c.sweeps = append(c.sweeps, func(life time.Duration) { c.sweepIn(sweep, life) })
	}
	c.begin()
	c.rounds(c.leastKills)
	c.registers = func(entries []schedule.Entry) {
		if _, err := c.store.RegisterAll(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
	}
	c.prove()
	web.stop()
	t.Logf("web was killed %d times while orders were registered", web.kills)
	if web.kills == 0 {
		t.Error("web was not killed: too little happened for this to prove anything")
	}
}

// root is the repository, which is the build's context.
const root = "../.."

// wantSmall wants nothing in the image but what the programs need: no shell, and no source.
func wantSmall(t *testing.T, image *containertest.Image) {
	t.Helper()
	want := "/etc/ssl/certs/ca-certificates.crt /usr/local/bin/cloudpay /usr/local/bin/web"
	if got := strings.Join(image.Files(t), " "); got != want {
		t.Errorf("got the files %s, want %s", got, want)
	}
}

// composed is a register whose sweeps and calls come from compose.yaml's services.
type composed struct {
	*deadly

	image *containertest.Image
	file  *containertest.Compose
}

// compose reads compose.yaml with the values of d's merchant and receiver.
func compose(t *testing.T, image *containertest.Image, d *deadly) *composed {
	t.Helper()
	file, err := containertest.ReadCompose(path.Join(root, "compose.yaml"), func(name string) (string, bool) {
		value, is := d.vars[name]
		return value, is
	})
	if err != nil {
		t.Fatal(err)
	}
	return &composed{deadly: d, image: image, file: file}
}

// create makes a service's container, with its secrets. The emulator's address, and what makes a
// test of many kills quick, are set beside the service's own environment.
func (c *composed) create(service string, env ...string) *containertest.Container {
	c.t.Helper()
	s := c.file.Services[service]
	files := map[string]string{}
	for _, name := range s.Secrets {
		files[secretsFolder+name] = c.secrets()[name]
	}
	for _, name := range []string{"WXPAY_BASE_URL", "WXPAY_ROUTE", "CLOUDPAY_SWEEP_PER_SECOND", "CLOUDPAY_SWEEP_ATTEMPTS"} {
		env = append(env, name+"="+c.vars[name])
	}
	return c.image.Create(c.t, containertest.Settings{Command: s.Command, Env: append(environ(s.Environment), env...), Files: files})
}

// secrets are the contents of the files in secrets/.
func (d *deadly) secrets() map[string]string {
	return map[string]string{
		"store": d.vars["CLOUDPAY_STORE"] + "\n", "v3-key": d.Merchant.V3Key, "apiclient_key.pem": d.vars["WXPAY_PRIVATE_KEY"],
		"pub_key.pem": d.vars["WXPAY_PUBLIC_KEY"], "http-token": httpToken, "service-token": serviceToken + "\n",
	}
}

// oneShot runs a service that ends by itself.
func (c *composed) oneShot(service string) {
	c.t.Helper()
	if out, err := c.create(service).Command(c.t.Context()).CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", service, err, out)
	}
}

// sweepIn runs the service sweep and kills it after a while, or after its first sweep. A life of
// patient ends by SIGTERM, as an engine ends containers.
func (c *composed) sweepIn(container *containertest.Container, life time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), life)
	defer cancel()
	cmd := container.Command(ctx)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.t.Errorf("starting the sweep: %v", err)
		return
	}
	line, _ := bufio.NewReader(out).ReadString('\n') // an error is its end
	swept := strings.HasSuffix(line, "\n")
	if swept && life == patient {
		_ = cmd.Process.Signal(syscall.SIGTERM)
	} else if swept {
		cancel()
	}
	err = cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	code := cmd.ProcessState.ExitCode() // -1: it was killed
	switch {
	case swept && !strings.Contains(line, " +08:00  "):
		c.t.Errorf("sweeping: got %q, want the time in compose.yaml's zone", line)
	case swept && life < patient:
		c.ended++
		c.longest -= c.longest / 8
	case swept && (code == 0 || code == 1): // 1: something is left, or failed
		c.ended++
	case !swept && code == -1 && ctx.Err() != nil:
		c.kills++
		c.longest += c.longest / 8
	default:
		c.t.Errorf("sweeping: %q, %v: %s", line, err, said.String())
	}
}

// server is the service web.
type server struct {
	t         *testing.T
	container *containertest.Container
	address   string
	random    *rand.Rand
	kills     int

	running *exec.Cmd
	exited  chan error
}

// serve starts web at a free port.
func (c *composed) serve() *server {
	c.t.Helper()
	s := &server{t: c.t, address: freeAddress(c.t), random: rand.New(rand.NewPCG(c.random.Uint64(), 2))}
	_, port, _ := net.SplitHostPort(s.address)
	s.container = c.create("web", "PORT="+port, "CLOUDPAY_LISTEN_HOST=127.0.0.1")
	s.start()
	return s
}

// freeAddress is an address of this machine at which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// start starts the container and waits until it is healthy. Another connection of this machine may
// have its port for a while.
func (s *server) start() {
	s.t.Helper()
	var said lockedBuffer
	for deadline := time.Now().Add(patient); time.Now().Before(deadline); {
		s.running, s.exited = s.container.Command(context.Background()), make(chan error, 1)
		s.running.Stderr, s.running.Stdout = &said, &said
		if err := s.running.Start(); err != nil {
			s.t.Fatal(err)
		}
		go func() { s.exited <- s.running.Wait() }()
		s.t.Cleanup(func() { _ = s.running.Process.Kill() })
		if s.isHealthy(deadline) {
			return
		}
	}
	s.t.Fatalf("web does not become healthy: %s", said.String())
}

// isHealthy waits until web answers its probe, and returns false if it ends before.
func (s *server) isHealthy(deadline time.Time) bool {
	for time.Now().Before(deadline) {
		if response, err := http.Get("http://" + s.address + "/healthz"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-s.exited:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}

// stop ends web as an engine does, and wants that to be no fault.
func (s *server) stop() {
	s.t.Helper()
	_ = s.running.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Errorf("web ended by SIGTERM: %v", err)
		}
	case <-time.After(patient):
		s.t.Error("web does not end by SIGTERM")
	}
}

// register registers orders by calls, again and again until each is answered. web is killed and
// started again several times meanwhile.
func (s *server) register(entries []schedule.Entry) {
	s.t.Helper()
	const killed = 5
	for i, entry := range entries {
		if i%(len(entries)/killed+1) == len(entries)/killed/2 {
			life := time.Duration(s.random.IntN(int(20 * time.Millisecond)))
			running := s.running
			time.AfterFunc(life, func() { _ = running.Process.Kill() })
			s.kills++
		}
		for until := time.Now().Add(patient); ; {
			err := s.schedule(entry)
			if err == nil {
				break
			}
			if time.Now().After(until) {
				s.t.Fatalf("registering %s: %v", entry.OutTradeNo, err)
			}
			select {
			case <-s.exited:
				s.start()
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
}

// schedule registers one order by a call of closeorder's route. The error is nil only if the answer
// says that it is registered.
func (s *server) schedule(entry schedule.Entry) error {
	seconds := int((entry.CloseIn + time.Second - 1) / time.Second) // no order is to be closed before its time
	body := fmt.Sprintf(`{"out_trade_no":%q,"close_at":%d}`, entry.OutTradeNo, seconds)
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.address+"/closeorder", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Cloudpay-Service-Token", serviceToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	reply, err := io.ReadAll(response.Body)
	if err == nil && !strings.Contains(string(reply), `"outcome":"scheduled"`) {
		err = errors.New(response.Status + ": " + string(reply))
	}
	return err
}
