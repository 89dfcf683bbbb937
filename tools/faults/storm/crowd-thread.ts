import { parentPort, workerData } from 'node:worker_threads'
import { randomOf } from '../random.ts'
import { Crowd, type CrowdPlan } from './crowd.ts'

/** What the thread is asked, one after another. */
export type CrowdOrder = 'come' | 'state' | 'settle' | 'leave'

// A thread of its own: what thousands of clients cost must not show in what the control group measures
const crowd = new Crowd(workerData as CrowdPlan, randomOf(1))
parentPort?.on('message', (order: CrowdOrder) => {
  const run = async (): Promise<unknown> => {
    switch (order) {
      case 'come':
        return crowd.come()
      case 'state':
        return crowd.state
      case 'settle':
        return crowd.settle()
      case 'leave':
        return crowd.leave()
      default:
        return order satisfies never
    }
  }
  void run().then((answer) => parentPort?.postMessage(answer))
})
