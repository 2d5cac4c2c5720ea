// CVODE over patients: one integrator per thread, restarted at every change of an input. Included after the scalar code.
#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>
#include <cvode/cvode.h>
#include <nvector/nvector_serial.h>
#include <sundials/sundials_linearsolver.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>

#if SUNDIALS_VERSION_MAJOR >= 7
#define NO_COMMUNICATOR SUN_COMM_NULL
#else
#define NO_COMMUNICATOR NULL
typedef realtype sunrealtype;
typedef booleantype sunbooleantype;
typedef int SUNErrCode;
#endif

#include "flushing.h"

struct Patient {
  double constants[CONSTANTS], inputs[INPUTS], jacobian[ENTRIES], matrix[SLOTS];
};

static int rhs(sunrealtype, N_Vector y, N_Vector out, void* data) {
  Patient* own = (Patient*)data;
  rates(NV_DATA_S(y), own->constants, own->inputs, NV_DATA_S(out));
  return 0;
}

static int dense_jacobian(sunrealtype, N_Vector y, N_Vector, SUNMatrix matrix, void* data, N_Vector, N_Vector, N_Vector) {
  Patient* own = (Patient*)data;
  jacobian(NV_DATA_S(y), own->constants, own->inputs, own->jacobian);
  double* entries = SM_DATA_D(matrix);
  for (int k = 0; k < ENTRIES; k++) entries[JACOBIAN_COLUMN[k] * STATES + JACOBIAN_ROW[k]] = own->jacobian[k];
  return 0;
}

static int linear_system(sunrealtype, N_Vector y, N_Vector, SUNMatrix, sunbooleantype keep, sunbooleantype* fresh,
                         sunrealtype gamma, void* data, N_Vector, N_Vector, N_Vector) {
  Patient* own = (Patient*)data;
  if (!keep) jacobian(NV_DATA_S(y), own->constants, own->inputs, own->jacobian);
  *fresh = !keep;
  form(own->jacobian, gamma, own->matrix);
  return 0;
}

static SUNMatrix_ID matrix_id(SUNMatrix) { return SUNMATRIX_CUSTOM; }
static void matrix_free(SUNMatrix matrix) { SUNMatFreeEmpty(matrix); }
static SUNLinearSolver_Type solver_type(SUNLinearSolver) { return SUNLINEARSOLVER_DIRECT; }
static SUNLinearSolver_ID solver_id(SUNLinearSolver) { return SUNLINEARSOLVER_CUSTOM; }
static SUNErrCode solver_start(SUNLinearSolver) { return 0; }
static SUNErrCode solver_free(SUNLinearSolver solver) { SUNLinSolFreeEmpty(solver); return 0; }
static int solver_setup(SUNLinearSolver solver, SUNMatrix) {
  factorise(((Patient*)solver->content)->matrix);
  return 0;
}
static int solver_solve(SUNLinearSolver solver, SUNMatrix, N_Vector x, N_Vector b, sunrealtype) {
  double* found = NV_DATA_S(x);
  if (found != NV_DATA_S(b)) memcpy(found, NV_DATA_S(b), STATES * sizeof(double));
  solve(((Patient*)solver->content)->matrix, found);
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
  const double* options;  // sparse, jacobian every, setup every, gamma change, convergence, order, first step
  int64_t* counts;        // steps, failed patients
};

static void worker(const Work& work, std::atomic<int64_t>& next) {
  Flushing flushing;
  SUNContext context;
  SUNContext_Create(NO_COMMUNICATOR, &context);
  SUNContext_ClearErrHandlers(context);
  Patient own;
  N_Vector y = N_VNew_Serial(STATES, context), atol = N_VNew_Serial(STATES, context);
  memcpy(NV_DATA_S(atol), work.atol, STATES * sizeof(double));
  memcpy(NV_DATA_S(y), work.initial, STATES * sizeof(double));
  const bool sparse = work.options[0] > 0;
  SUNMatrix matrix;
  SUNLinearSolver solver;
  if (sparse) {
    matrix = SUNMatNewEmpty(context);
    matrix->ops->getid = matrix_id;
    matrix->ops->destroy = matrix_free;
    solver = SUNLinSolNewEmpty(context);
    solver->ops->gettype = solver_type;
    solver->ops->getid = solver_id;
    solver->ops->initialize = solver_start;
    solver->ops->setup = solver_setup;
    solver->ops->solve = solver_solve;
    solver->ops->free = solver_free;
    solver->content = &own;
  } else {
    matrix = SUNDenseMatrix(STATES, STATES, context);
    solver = SUNLinSol_Dense(y, matrix, context);
  }
  void* memory = CVodeCreate(CV_BDF, context);
  CVodeInit(memory, rhs, 0.0, y);
  CVodeSVtolerances(memory, work.rtol, atol);
  CVodeSetUserData(memory, &own);
  CVodeSetLinearSolver(memory, solver, matrix);
  if (sparse) CVodeSetLinSysFn(memory, linear_system);
  else CVodeSetJacFn(memory, dense_jacobian);
  CVodeSetMaxNumSteps(memory, 20000);
  CVodeSetMaxHnilWarns(memory, -1);
  if (work.options[1] > 0) {
    CVodeSetJacEvalFrequency(memory, (long)work.options[1]);
    CVodeSetLSetupFrequency(memory, (long)work.options[2]);
    CVodeSetDeltaGammaMaxLSetup(memory, work.options[3]);
    CVodeSetNonlinConvCoef(memory, work.options[4]);
    CVodeSetMaxOrd(memory, (int)work.options[5]);
  }
  for (;;) {
    const int64_t patient = next.fetch_add(1);
    if (patient >= work.patients) break;
    constants(work.parameters + patient * PARAMETERS, own.constants);
    memcpy(NV_DATA_S(y), work.initial + patient * STATES, STATES * sizeof(double));
    int64_t row = 0;
    double t = 0;
    for (int64_t segment = 0; segment < work.segments; segment++) {
      const double begin = work.breaks[segment];
      const double end = segment + 1 < work.segments ? work.breaks[segment + 1] : work.time[work.times - 1];
      memcpy(own.inputs, work.inputs + segment * INPUTS, INPUTS * sizeof(double));
      own.inputs[work.infusion] *= work.rate[patient];
      CVodeReInit(memory, begin, y);
      CVodeSetStopTime(memory, end);
      if (work.options[6] > 0) CVodeSetInitStep(memory, work.options[6]);
      int status = 0;
      while (status >= 0 && t < end) {
        const bool wanted = row < work.times && work.time[row] <= end;
        const double target = wanted ? work.time[row] : end;
        status = CVode(memory, target, y, &t, CV_NORMAL);
        if (wanted && status >= 0)
          memcpy(work.out + (patient * work.times + row++) * STATES, NV_DATA_S(y), STATES * sizeof(double));
      }
      long steps = 0;
      CVodeGetNumSteps(memory, &steps);
      __atomic_fetch_add(work.counts, steps, __ATOMIC_RELAXED);
      if (status < 0) {
        __atomic_fetch_add(work.counts + 1, 1, __ATOMIC_RELAXED);
        break;
      }
    }
  }
  CVodeFree(&memory);
  N_VDestroy(y);
  N_VDestroy(atol);
  SUNLinSolFree(solver);
  SUNMatDestroy(matrix);
  SUNContext_Free(&context);
}

extern "C" void run(const Work* work, int64_t threads) {
  std::atomic<int64_t> next(0);
  std::vector<std::thread> others;
  for (int64_t index = 1; index < threads; index++) others.emplace_back([&] { worker(*work, next); });
  worker(*work, next);
  for (auto& other : others) other.join();
}
