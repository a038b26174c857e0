package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/config"
	"cloudpay/internal/containertest"
	"cloudpay/internal/hosting"
	"cloudpay/pkg/paygate"
)

// secretsFolder is where containers find their secrets.
const secretsFolder = "/run/secrets/"

// described is one container that compose.yaml or deploy/kubernetes.yaml describes.
type described struct {
	name    string
	command []string // empty: the image's
	env     map[string]string
	// secrets are the entries of secretsFolder; nil: any.
	secrets []string
	// grace is the time from SIGTERM to SIGKILL.
	grace time.Duration
}

// lastStage is the image that the Dockerfile describes.
func lastStage(t *testing.T) (all []containertest.Stage, last containertest.Stage) {
	t.Helper()
	all, err := containertest.ParseDockerfile(readRoot(t, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	return all, all[len(all)-1]
}

// composed are compose.yaml's services of our own image, with the values that .env would have.
func composed(t *testing.T, env map[string]string) map[string]containertest.Service {
	t.Helper()
	c, err := containertest.ReadCompose(filepath.Join(repositoryRoot, "compose.yaml"), func(name string) (string, bool) {
		value, is := env[name]
		return value, is
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range c.Services {
		for _, secret := range s.Secrets {
			if got := c.Secrets[secret].File; got != "secrets/"+secret {
				t.Errorf("service %s: got the file %q for secret %s, want secrets/%s", name, got, secret, secret)
			}
		}
		if s.Image != c.Service.Image {
			delete(c.Services, name)
		}
	}
	return c.Services
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	all, last := lastStage(t)
	want := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readRoot(t, "go.mod"))[1]
	if got := all[0].Base; got != "golang:"+want+"-alpine" {
		t.Errorf("got the base image %s, want Go %s as in go.mod", got, want)
	}
	if last.Base != "scratch" || !regexp.MustCompile(`^[1-9]\d+:[1-9]\d+$`).MatchString(last.User) {
		t.Errorf("got %s and user %q, want scratch, and a user that is not root, in digits: Kubernetes compares no names", last.Base, last.User)
	}
	if port := last.Variable("PORT"); !slices.Equal(last.Ports, []string{port}) {
		t.Errorf("got the ports %v, want that of PORT, %s", last.Ports, port)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	_, image := lastStage(t)
	vars := paygate.RunT(t).Variables()
	var all []described
	for name, s := range composed(t, vars) {
		grace, err := time.ParseDuration(s.StopGracePeriod)
		if err != nil && s.StopGracePeriod != "" {
			t.Errorf("service %s: %v", name, err)
		}
		all = append(all, described{name: name, command: s.Command, env: s.Environment, secrets: s.Secrets, grace: grace})
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("service %s: got %+v, want a read-only root, no capabilities and no new privileges", name, s)
		}
		for _, port := range s.Ports {
			if !strings.HasSuffix(port, ":"+image.Variable("PORT")) {
				t.Errorf("service %s: got the port %s, want the image's, %s", name, port, image.Variable("PORT"))
			}
		}
	}
	wantDescribed(t, all, vars)
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	_, image := lastStage(t)
	objects, err := containertest.ReadManifests(filepath.Join(repositoryRoot, "deploy", "kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []described
	var env map[string]string
	labels := map[string]map[string]string{}
	for _, object := range objects {
		job := object.Job()
		pod := job.Template.Spec
		switch object.Kind {
		case "ConfigMap":
			env = object.Data
			continue
		case "Service":
			if got := job.Ports; len(got) != 1 || got[0].TargetPort != "http" {
				t.Errorf("Service: got the ports %v, want that of web, http", got)
			}
			if got := object.Spec.Selector; len(got) != 2 || got["app"] != labels["Deployment"]["app"] || got["part"] != labels["Deployment"]["part"] {
				t.Errorf("Service: got pods with %v, want those of web, %v", got, labels["Deployment"])
			}
			continue
		case "CronJob":
			if object.Spec.Schedule != "* * * * *" || object.Spec.StartingDeadlineSeconds == 0 || job.BackoffLimit != 0 {
				t.Errorf("CronJob: got %+v, want one sweep each minute, and no end to the schedule", object.Spec)
			}
		}
		labels[object.Kind] = job.Template.Metadata.Labels
		wantHardened(t, object.Kind, pod, image)
		c := pod.Containers[0]
		grace := 30 * time.Second // Kubernetes' own
		if pod.TerminationGracePeriodSeconds > 0 {
			grace = time.Duration(pod.TerminationGracePeriodSeconds-c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
		}
		if len(c.EnvFrom) != 1 || c.EnvFrom[0]["configMapRef"].Name != "cloudpay" {
			t.Errorf("%s: got its environment from %v, want the ConfigMap's", object.Kind, c.EnvFrom)
		}
		all = append(all, described{name: object.Kind, command: c.Command, env: env, grace: grace})
		for _, probe := range []*containertest.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
			if object.Kind == "Deployment" && (probe == nil || probe.HTTPGet.Path != "/healthz" || probe.HTTPGet.Port != "http") {
				t.Errorf("Deployment: got the probe %+v, want /healthz", probe)
			}
		}
		if object.Kind == "Deployment" && (len(c.Ports) != 1 || strconv.Itoa(c.Ports[0].ContainerPort) != image.Variable("PORT") || c.Ports[0].Name != "http") {
			t.Errorf("Deployment: got the ports %v, want the image's, %s", c.Ports, image.Variable("PORT"))
		}
	}
	wantDescribed(t, all, paygate.RunT(t).Variables())
}

// wantHardened wants the pod's rights to be those that the image's user needs: none.
func wantHardened(t *testing.T, name string, pod containertest.Pod, image containertest.Stage) {
	t.Helper()
	c := pod.Containers[0]
	user := strconv.Itoa(pod.SecurityContext.RunAsUser) + ":" + strconv.Itoa(pod.SecurityContext.RunAsGroup)
	if !pod.SecurityContext.RunAsNonRoot || user != image.User || pod.SecurityContext.FSGroup != pod.SecurityContext.RunAsGroup {
		t.Errorf("%s: got %+v, want the image's user, %s", name, pod.SecurityContext, image.User)
	}
	if pod.SecurityContext.SeccompProfile["type"] != "RuntimeDefault" || pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Errorf("%s: got %+v, want the runtime's seccomp profile, and no token of the cluster", name, pod)
	}
	s := c.SecurityContext
	if !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities["drop"], []string{"ALL"}) {
		t.Errorf("%s: got %+v, want a read-only root, and no capabilities", name, s)
	}
	if len(pod.Volumes) != 1 || len(c.VolumeMounts) != 1 || c.VolumeMounts[0].Name != pod.Volumes[0].Name ||
		c.VolumeMounts[0].MountPath+"/" != secretsFolder || !c.VolumeMounts[0].ReadOnly ||
		pod.Volumes[0].Secret.SecretName != "cloudpay" || pod.Volumes[0].Secret.DefaultMode != 0o440 {
		t.Errorf("%s: got %+v and %+v, want the secret's entries in %s, for the group alone", name, pod.Volumes, c.VolumeMounts, secretsFolder)
	}
}

// wantDescribed wants each container to be configured without a fault, by variables that its
// program reads and secrets that it is given, to run a command that there is, and to be given the
// time to end that the command needs.
func wantDescribed(t *testing.T, all []described, vars map[string]string) {
	t.Helper()
	programs := map[string]bool{}
	for _, d := range all {
		_, image := lastStage(t)
		command := d.command
		if len(command) == 0 {
			command = image.Command
		}
		programs[command[0]] = true
		environ, used := d.environ(t, vars)
		for name := range d.env {
			if name != "TZ" && !slices.Contains(config.Given(environ), name) && d.env[name] != "" {
				t.Errorf("%s: no program reads %s", d.name, name)
			}
		}
		slices.Sort(used)
		if d.secrets != nil && !slices.Equal(slices.Sorted(slices.Values(d.secrets)), used) {
			t.Errorf("%s: got the secrets %v, want those that its variables name, %v", d.name, d.secrets, used)
		}
		var function hosting.Function
		var err error
		if function, err = app.Web(environ, io.Discard); err != nil || function.Broken != nil {
			t.Errorf("%s: %v %v", d.name, err, function.Broken)
		}
		needs := 10 * time.Second // web's requests in flight
		if command[0] == commandName {
			needs = wantCommand(t, d.name, command[1:])
		}
		if d.grace < needs {
			t.Errorf("%s: got %v from SIGTERM to SIGKILL, want %v at least", d.name, d.grace, needs)
		}
	}
	if !programs["web"] || !programs[commandName] {
		t.Errorf("got the programs %v, want both", programs)
	}
}

// environ is the container's environment, with the values of its placeholders and secrets, which
// are put into files; used are the names of those.
func (d described) environ(t *testing.T, vars map[string]string) (environ, used []string) {
	t.Helper()
	folder := t.TempDir()
	values := map[string]string{
		"apiclient_key.pem": vars["WXPAY_PRIVATE_KEY"], "pub_key.pem": vars["WXPAY_PUBLIC_KEY"], "v3-key": strings.Repeat("k", 32),
		"store":      "postgres://cloudpay:password@database:5432/cloudpay?sslmode=disable",
		"http-token": strings.Repeat("h", 32), "service-token": strings.Repeat("s", 32),
	}
	for name, value := range d.env {
		if secret, is := strings.CutPrefix(value, secretsFolder); is {
			used = append(used, secret)
			value = filepath.Join(folder, secret)
			if err := os.WriteFile(value, []byte(values[secret]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		environ = append(environ, name+"="+value)
	}
	return environ, used
}

// wantCommand wants the command line to be one that there is, and returns how long the command may
// take to end.
func wantCommand(t *testing.T, name string, args []string) time.Duration {
	t.Helper()
	cmd, rest, err := newRoot(render.LanguageOf(nil)).Find(args)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil || !cmd.Runnable() {
		t.Errorf("%s: cloudpay %v: %v", name, args, err)
	}
	if cmd.Name() == "sweep" {
		return 20 * time.Second // its help says so
	}
	return 0
}
