// LSODA in C over patients, restarted at every change of an input. Included after the scalar code.
#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>
extern "C" {
#include <lsoda.h>
}

#include "flushing.h"

struct Patient {
  double constants[CONSTANTS], inputs[INPUTS];
  int64_t evaluations;
};

static int rhs(double, double* y, double* out, void* data) {
  Patient* own = (Patient*)data;
  rates(y, own->constants, own->inputs, out);
  own->evaluations++;
  return 0;
}

struct Work {
  int64_t patients, segments, times;
  const double *parameters, *initial, *breaks, *inputs, *rate;
  int64_t infusion;
  const double* time;
  double rtol;
  const double* atol;
  double* out;
  const double* options;
  int64_t* counts;  // evaluations of the rates, failed patients
};

static void worker(const Work& work, std::atomic<int64_t>& next) {
  Flushing flushing;
  Patient own;
  std::vector<double> rtol(STATES, work.rtol), atol(work.atol, work.atol + STATES), y(STATES);
  for (;;) {
    const int64_t patient = next.fetch_add(1);
    if (patient >= work.patients) break;
    constants(work.parameters + patient * PARAMETERS, own.constants);
    memcpy(y.data(), work.initial + patient * STATES, STATES * sizeof(double));
    own.evaluations = 0;
    int64_t row = 0;
    for (int64_t segment = 0; segment < work.segments; segment++) {
      double t = work.breaks[segment];
      const double end = segment + 1 < work.segments ? work.breaks[segment + 1] : work.time[work.times - 1];
      memcpy(own.inputs, work.inputs + segment * INPUTS, INPUTS * sizeof(double));
      own.inputs[work.infusion] *= work.rate[patient];
      struct lsoda_opt_t options;
      memset(&options, 0, sizeof options);
      options.mxstep = 20000;
      options.rtol = rtol.data();
      options.atol = atol.data();
      options.itask = 4;  // never past `tcrit`
      options.tcrit = end;
      struct lsoda_context_t context;
      memset(&context, 0, sizeof context);
      context.function = rhs;
      context.data = &own;
      context.neq = STATES;
      context.state = 1;
      lsoda_prepare(&context, &options);
      while (t < end && context.state > 0) {
        const bool wanted = row < work.times && work.time[row] <= end;
        lsoda(&context, y.data(), &t, wanted ? work.time[row] : end);
        if (wanted && context.state > 0)
          memcpy(work.out + (patient * work.times + row++) * STATES, y.data(), STATES * sizeof(double));
      }
      const bool failed = context.state <= 0;
      lsoda_free(&context);
      if (failed) {
        __atomic_fetch_add(work.counts + 1, 1, __ATOMIC_RELAXED);
        break;
      }
    }
    __atomic_fetch_add(work.counts, own.evaluations, __ATOMIC_RELAXED);
  }
}

extern "C" void run(const Work* work, int64_t threads) {
  std::atomic<int64_t> next(0);
  std::vector<std::thread> others;
  for (int64_t index = 1; index < threads; index++) others.emplace_back([&] { worker(*work, next); });
  worker(*work, next);
  for (auto& other : others) other.join();
}
