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
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/storetest"
	"cloudpay/pkg/paygate"
)

// secretsFolder is where containers find their secrets.
const secretsFolder = "/run/secrets/"

// TestImage builds the image's files and runs them as engines would.
func TestImage(t *testing.T) {
	image := containertest.Build(t, root)
	want := "/etc/ssl/certs/ca-certificates.crt /usr/local/bin/cloudpay /usr/local/bin/web" // no shell, and no source
	if got := strings.Join(image.Files(t), " "); got != want {
		t.Errorf("got the files %s, want %s", got, want)
	}
	t.Run("killed", func(t *testing.T) { killServices(t, image) })
	t.Run("Kubernetes", func(t *testing.T) { runObjects(t, image) })
}

// killServices is TestKilledSweeps with the services of compose.yaml in place of functions. web, by
// which the orders are registered, is killed as well.
func killServices(t *testing.T, image *containertest.Image) {
	t.Helper()
	made := storetest.Postgres(t)
	c := compose(t, image, newDeadly(t, made.Name, made.Empty(t)))
	c.oneShot("migrate")
	c.oneShot("migrate") // as after another compose up
	web := serve(t, func(env ...string) *containertest.Container { return c.create("web", env...) })
	c.registers = web.register
	for range 2 {
		sweep := c.create("sweep")
		c.sweeps = append(c.sweeps, func(life time.Duration) { c.sweepIn(sweep, life) })
	}
	c.begin()
	c.rounds(c.leastKills)
	c.prove()
	web.stop()
	t.Logf("web was killed %d times while orders were registered", web.kills)
}

// runObjects runs the pods that deploy/kubernetes.yaml describes, and a job of SCF's with the same
// image.
func runObjects(t *testing.T, image *containertest.Image) {
	t.Helper()
	made := storetest.Postgres(t)
	e := newEnv(t, mode{api: order.V3})
	e.vars["CLOUDPAY_STORE"] = made.Empty(t)
	pods := readPods(t, image, e)
	pods.ends(0, pods.create("Job"))

	register := func(number string) {
		e.order(number)
		opened := made.OpenAt(t, e.vars["CLOUDPAY_STORE"])
		ref := order.Ref{Region: order.Mainland, MchID: e.Merchant.MchID, OutTradeNo: number}
		if _, err := opened.RegisterAll(t.Context(), []schedule.Entry{{Ref: ref}}); err != nil {
			t.Fatal(err)
		}
	}
	register("A1")
	sweep := pods.create("CronJob")
	for _, want := range []string{"1 due, 1 closed\n", "nothing was due\n"} {
		if said := pods.ends(0, sweep); !strings.Contains(said, want) {
			t.Errorf("sweeping: got %s, want %s", said, want)
		}
	}
	e.WantState("A1", paygate.StateClosed)

	register("A2")
	pods.ends(0, pods.create("CronJob", "TENCENTCLOUD_RUNENV=SCF", "SCF_FUNCTIONNAME=sweep", "USER=qcloud",
		`SCF_CUSTOM_CONTAINER_EVENT={"Type":"Timer","TriggerName":"sweep","Time":"2026-11-30T00:00:00Z","Message":""}`))
	e.WantState("A2", paygate.StateClosed)

	web := serve(t, func(env ...string) *containertest.Container { return pods.create("Deployment", env...) })
	web.stop()
	// A rollout stops: neither program runs unconfigured.
	if said := pods.ends(1, pods.create("Deployment", "WXPAY_MCHID=")); !strings.Contains(said, "WXPAY_MCHID is not set") {
		t.Errorf("web without a merchant: got %s, want the variable named", said)
	}
	if said := pods.ends(2, pods.create("CronJob", "WXPAY_MCHID=")); !strings.Contains(said, "WXPAY_MCHID is not set") {
		t.Errorf("a sweep without a merchant: got %s, want the variable named", said)
	}
}

// pods are the objects of deploy/kubernetes.yaml.
type pods struct {
	*env

	image    *containertest.Image
	settings map[string]string // the ConfigMap's
	commands map[string][]string
}

func readPods(t *testing.T, image *containertest.Image, e *env) *pods {
	t.Helper()
	objects, err := containertest.ReadManifests(path.Join(root, "deploy", "kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p := &pods{env: e, image: image, commands: map[string][]string{}}
	for _, object := range objects {
		if object.Kind == "ConfigMap" {
			p.settings = object.Data
			continue
		}
		for _, container := range object.Job().Template.Spec.Containers {
			p.commands[object.Kind] = container.Command
		}
	}
	return p
}

// create makes the container of an object. Its secrets are where Kubernetes puts them: in a folder
// that a link names, so that all are changed at once.
func (p *pods) create(kind string, env ...string) *containertest.Container {
	p.t.Helper()
	s := containertest.Settings{Command: p.commands[kind], Files: map[string]string{}, Links: map[string]string{secretsFolder + "..data": "..2026"}}
	for name, content := range p.secrets() {
		s.Files[secretsFolder+"..2026/"+name], s.Links[secretsFolder+name] = content, "..data/"+name
	}
	s.Env = environ(p.settings)
	for _, name := range []string{"WXPAY_MCHID", "WXPAY_APPID", "WXPAY_SERIAL_NO", "WXPAY_PUBLIC_KEY_ID", "WXPAY_BASE_URL", "WXPAY_ROUTE"} {
		s.Env = append(s.Env, name+"="+p.vars[name])
	}
	s.Env = append(s.Env, env...)
	return p.image.Create(p.t, s)
}

// ends runs a container to its end, wants its exit code, and returns what it printed.
func (p *pods) ends(code int, c *containertest.Container) string {
	p.t.Helper()
	cmd := c.Command(p.t.Context())
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		p.t.Fatalf("got %v, want exit code %d: %s", err, code, out)
	}
	return string(out)
}

// root is the repository, which is the build's context.
const root = "../.."

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

// secrets are the contents of the secrets' files.
func (e *env) secrets() map[string]string {
	return map[string]string{
		"store": e.vars["CLOUDPAY_STORE"] + "\n", "v3-key": e.Merchant.V3Key, "apiclient_key.pem": e.vars["WXPAY_PRIVATE_KEY"],
		"pub_key.pem": e.vars["WXPAY_PUBLIC_KEY"], "http-token": httpToken, "service-token": serviceToken + "\n",
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
	ctx, cancel := context.WithCancel(context.Background())
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
	defer time.AfterFunc(life, cancel).Stop()
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
	kills     int

	running *exec.Cmd
	exited  chan struct{} // closed then
}

// serve starts web at a free port, in the container that create makes.
func serve(t *testing.T, create func(env ...string) *containertest.Container) *server {
	t.Helper()
	s := &server{t: t, address: freeAddress(t)}
	_, port, _ := net.SplitHostPort(s.address)
	s.container = create("PORT="+port, "CLOUDPAY_LISTEN_HOST=127.0.0.1")
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
		s.running, s.exited = s.container.Command(context.Background()), make(chan struct{})
		s.running.Stderr, s.running.Stdout = &said, &said
		if err := s.running.Start(); err != nil {
			s.t.Fatal(err)
		}
		running, exited := s.running, s.exited
		go func() {
			defer close(exited)
			_ = running.Wait() // ProcessState has the result
		}()
		s.t.Cleanup(func() { _ = running.Process.Kill() })
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
	case <-s.exited:
		if !s.running.ProcessState.Success() {
			s.t.Errorf("web ended by SIGTERM: %v", s.running.ProcessState)
		}
	case <-time.After(patient):
		s.t.Error("web does not end by SIGTERM")
	}
}

// register registers orders by calls, again and again until each is answered. web is killed and
// started again several times meanwhile.
func (s *server) register(entries []schedule.Entry) {
	s.t.Helper()
	every := max(len(entries)/5, 2) // a few times of many, and not for each of a few
	for i, entry := range entries {
		if i%every == 1 {
			life := time.Duration(rand.IntN(int(20 * time.Millisecond)))
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
