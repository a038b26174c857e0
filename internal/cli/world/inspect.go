package world

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/inspection"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/workload"
)

// What the product says of itself is served by the command and not by the emulators, which import
// nothing of the product that they test. Of the functions' variables the values stay in this
// process: package inspection masks what may be a secret before it answers.

// inspect adds to the management API what the product itself says: of a request, of the functions'
// settings, and of the deployment. Doctor runs in a process of its own, by this program.
func (w *World) inspect(d *desk.Desk, deployed *deployment) error {
	program, err := thisProgram()
	if err != nil {
		return err
	}
	// The folder of the descriptions, and the files of --env-file, stay the same while it runs.
	o, _, err := w.Deploy.Options()
	if err != nil {
		return err
	}
	d.Manage("/explain", inspection.Explain(deployed.dir))
	d.Manage("/settings", inspection.Settings(deployed.shown))
	doctor := inspection.Doctor{Program: program, Dir: deployed.dir, Folder: o.Dir, EnvFiles: o.Files}
	d.Manage("/doctor", doctor.Handler())
	return nil
}

// thisProgram is the path of this program by the name that it was started by: under another name,
// such as that of the file which a link leads to, it may do something else.
func thisProgram() (string, error) {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		path, err = os.Executable()
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", bilingual.Errorf("finding this program: %w", "查找本程序：%w", err)
	}
	return path, nil
}

// remember keeps the functions of a plan, and where each value of a variable is from.
func (p *deployment) remember(specs []platform.Spec, o workload.Options) {
	functions := make([]inspection.Function, 0, len(specs))
	for _, spec := range specs {
		f := inspection.Function{Name: spec.Name, Own: p.isOwn(spec)}
		for _, pair := range spec.Env {
			name, value, _ := strings.Cut(pair, "=")
			f.Variables = append(f.Variables, inspection.Variable{Name: name, Value: value, Source: p.source(name, value, o)})
		}
		functions = append(functions, f)
	}
	p.settings.Store(&functions)
}

// shown are the functions as they run now; none before the first plan.
func (p *deployment) shown() []inspection.Function {
	if functions := p.settings.Load(); functions != nil {
		return *functions
	}
	return nil
}

// isOwn reports whether a function is one of cloudpay's executables, under whatever name. A
// function of the user's is built or unpacked elsewhere.
func (p *deployment) isOwn(spec platform.Spec) bool {
	for _, binary := range p.binaries {
		if spec.Binary == binary {
			return true
		}
	}
	return false
}

// source is where a value is from. A flag wins over the emulator, and that over a description. The
// emulator also sets the address of the auth service that the functions trust.
func (p *deployment) source(name, value string, o workload.Options) string {
	// The emulator's variables stand in a function of the user's only if its description has them.
	emulators, sets := o.Env[name]
	flag := p.world.Deploy.Source(name, o.Given)
	switch {
	case flag != "":
		return flag
	case sets && emulators == value, value == o.LoginURL:
		return "emulator"
	}
	return "description"
}
